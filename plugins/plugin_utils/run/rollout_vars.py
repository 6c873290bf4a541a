# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet run of this ansible-playbook, as a task or a lookup of any of its hosts finds it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Callable, Dict, Mapping

from ...module_utils.variables.answered import answered
from .journal import Journal
from .messages import hosts_of
from .rollout import HOLD, HOST, INCONCLUSIVE, SCOPES, Policy, Rollout


def rollout_of(journal: Journal, variables: Mapping[str, Any], template: Callable[[Any], Any]) -> Rollout:
    """The fleet run so far.

    :param variables: of a host of the play.
    :param template: evaluates the templates in a value.
    """
    return Rollout(journal.rollout(), hosts_of(variables), policy_of(variables, template))


def answers_of(journal: Journal, variables: Mapping[str, Any], template: Callable[[Any], Any]) -> Dict[str, Any]:
    """What :meth:`.rollout.Rollout.answers` has for the journal's host; empty where it is none of the play.

    Every host needs them in each of these tasks, so the journal is read once for all of them.
    """
    hosts, policy = hosts_of(variables), policy_of(variables, template)
    inputs = json.dumps([asdict(hosts), asdict(policy)])
    return journal.derived(inputs, lambda: Rollout(journal.rollout(), hosts, policy).answers()) or {}


def policy_of(variables: Mapping[str, Any], template: Callable[[Any], Any]) -> Policy:
    """The operator's variables; an invalid one, which ``run_begin`` refuses, counts as its default here."""

    def given(name: str, default: str) -> str:
        return str(answered(template(variables.get(name)), default))

    scope = given("mobius_rollback_scope", HOST)
    inconclusive = given("mobius_batch_inconclusive", given("mobius_on_inconclusive", HOLD))
    return Policy(scope if scope in SCOPES else HOST, inconclusive if inconclusive in INCONCLUSIVE else HOLD)
