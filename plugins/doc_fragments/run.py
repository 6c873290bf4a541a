# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that several modules of a run share: its lock, and the channels of its messages."""

    DOCUMENTATION = r"""
options: {}
"""

    LOCK = r"""
options:
  lock_ttl:
    description: Seconds without a renewal after which the lock expires.
    type: int
    default: 900
  lock_break:
    description:
      - V(true) takes the lock from any holder. The id of a run takes it only from that run.
    type: str
    default: "false"
  lock_wait:
    description: Seconds to wait for a holder that is ending, and for a process that is still writing.
    type: float
    default: 0
  lock_pid:
    description: A process on this host whose end releases the lock; on local connections that of ansible-playbook.
    type: int
  run:
    description:
      - C(id) and C(kind) of the run, and C(controller), who started it, which the journal on the host keeps.
      - Within a run the action plugin sets it.
    type: dict
"""

    MESSAGES = r"""
options:
  notify:
    description: Channels of the messages, as O(mobius.dhash.deployment_notify#module:channels).
    type: list
    elements: dict
    default: []
  notify_timeout:
    description: Seconds for each channel.
    type: float
    default: 10
"""
