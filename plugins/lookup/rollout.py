# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the fleet run on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout
short_description: What is known of the fleet run of this ansible-playbook
version_added: 1.0.0
author:
  - Mobius contributors (@mobius-dhash)
description:
  - Returns what the controller knows of the fleet run, which is every host that M(mobius.dhash.run_begin) has begun on
    in this C(ansible-playbook).
  - C(mobius_rollback_scope) and C(mobius_batch_inconclusive) decide what follows.
options:
  _terms:
    description:
      - V(stopped) for the reason why no further batch may begin, V(failed_batch) for the same where every host of the
        present batch failed, V(is_target) for this host where it is to be rolled back, V(watched) for the hosts that
        this host watches after its batch, each with C(host) and C(where) the watch runs, and V(fleet) for the id.
    required: true
"""

EXAMPLES = r"""
- name: Begin no further batch where one has failed
  ansible.builtin.meta: end_play
  when: query('mobius.dhash.rollout', 'stopped') | length > 0
"""

RETURN = r"""
_raw:
  description: Nothing, one text, or hosts.
  type: list
  elements: raw
"""

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils.run.journal import Journal
from ..plugin_utils.run.rollout_vars import answers_of


class LookupModule(LookupBase):
    """Reads the journal of the fleet run; nothing where none has begun."""

    def run(self, terms, variables=None, **kwargs):
        variables = variables or {}
        host = str(variables.get("inventory_hostname") or "")
        journal = Journal(C.DEFAULT_LOCAL_TMP, host)
        known = answers_of(journal, variables, self._templar.template)
        stopped = [text for text in (known.get("stopped"),) if text]
        found = {
            "stopped": lambda: stopped,
            "failed_batch": lambda: stopped if known.get("failed_batch") else [],
            "is_target": lambda: [host] if known.get("is_target") else [],
            "watched": lambda: known.get("watched") or [],
            "fleet": lambda: [fleet for fleet in (journal.known_fleet(),) if fleet],
        }
        unknown = [term for term in terms if term not in found]
        if unknown or len(terms) != 1:
            raise AnsibleError(
                f"rollout takes one of {', '.join(found)}, not {', '.join(map(str, terms)) or 'nothing'}"
            )
        return found[terms[0]]()
