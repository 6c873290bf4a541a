#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: maintenance_window
short_description: Report whether a maintenance window is open, and when it opens next
version_added: 1.0.0
description:
  - A daily window by the wall clock of a time zone, on some days of the week; it may extend past midnight.
  - When the clock is set back, the longer interpretation applies; when it is set forward over the whole window, there
    is no window on that day.
options:
  start:
    description: When it opens, as V(22:00). Quote it.
    type: str
    required: true
  end:
    description: When it closes; not after O(start) means the next day.
    type: str
    required: true
  timezone:
    description: IANA name of the time zone, such as V(Europe/Berlin).
    type: str
    default: UTC
  days:
    description: Days of the week on which it opens, V(mon) to V(sun).
    type: list
    elements: str
    default: [mon, tue, wed, thu, fri, sat, sun]
  at:
    description: The time to check, ISO 8601 with an offset or C(Z); now when omitted.
    type: str
extends_documentation_fragment:
  - mobius.dhash.attributes.info
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Look at the clock of the controller
  mobius.dhash.maintenance_window:
    start: "22:00"
    end: "04:00"
    timezone: Europe/Berlin
    days: [mon, tue, wed, thu]
  delegate_to: localhost
  register: window

- name: Wait for the window
  ansible.builtin.assert:
    that: window.open
    fail_msg: "{{ window.message }}"
"""

RETURN = r"""
open:
  description: Whether it is open.
  returned: always
  type: bool
  sample: false
opens_at:
  description: When this opening began, or when the next one begins.
  returned: always
  type: str
  sample: "2024-09-24T22:00+02:00"
closes_at:
  description: When that opening ends.
  returned: always
  type: str
  sample: "2024-09-25T04:00+02:00"
message:
  description: The same as a sentence.
  returned: always
  type: str
  sample: The maintenance window is closed; it opens 2024-09-24T22:00+02:00 and closes 2024-09-25T04:00+02:00.
"""

from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.maintenance.window import DAYS, look, parse_window


def moment(text):
    if not text:
        return datetime.now(timezone.utc)
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise MobiusError("Not a moment", text, "give it as 2024-09-24T22:00:00+02:00") from error
    if found.tzinfo is None:
        raise MobiusError("A moment needs its offset", text, "give it as 2024-09-24T22:00:00+02:00")
    return found


def report(given):
    window = {name: given[name] for name in ("start", "end", "timezone", "days")}
    found = look(parse_window(window), moment(given["at"]))
    state = "open since" if found["open"] else "closed; it opens"
    message = f"The maintenance window is {state} {found['opens_at']} and closes {found['closes_at']}."
    return {"changed": False, **found, "message": message}


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            start=dict(type="str", required=True),
            end=dict(type="str", required=True),
            timezone=dict(type="str", default="UTC"),
            days=dict(type="list", elements="str", default=list(DAYS)),
            at=dict(type="str"),
        ),
        supports_check_mode=True,
    )
    finish(module, lambda: report(module.params))


if __name__ == "__main__":
    main()
