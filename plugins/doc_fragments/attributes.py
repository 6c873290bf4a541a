# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of a module; a module that supports less overrides them in its own ``attributes``."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Predicts what the real run does, with the same counts and the same diff, and writes nothing.
    support: full
  diff_mode:
    description: Returns what changes, before and after.
    support: full
  platform:
    description: Systems the module runs on; Python 3.9 or newer with its standard library.
    platforms: posix
    support: full
"""

    # For modules that only read.
    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Changes nothing, so check mode and a real run are the same.
    support: full
  diff_mode:
    description: Changes nothing, so there is no diff.
    support: N/A
  platform:
    description: Systems the module runs on; Python 3.9 or newer with its standard library.
    platforms: posix
    support: full
"""

    # For actions that do not connect to the host.
    CONTROLLER = r"""
options: {}
attributes:
  check_mode:
    description: Changes nothing, so check mode and a real run are the same.
    support: full
  diff_mode:
    description: Changes nothing, so there is no diff.
    support: N/A
  platform:
    description: Systems the module runs on.
    platforms: posix
    support: full
  action:
    description: Runs on the controller.
    support: full
"""
