# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The systemd journal of the service, for the evidence."""

from __future__ import annotations

from typing import Any, Dict, Sequence


def unit_journals(module: Any, units: Sequence[str]) -> Dict[str, str]:
    """The last 2000 lines of the journal of each unit, by file name; the reason for one that cannot be read.

    :param module: the ``AnsibleModule``, which runs ``journalctl`` where the host has it.
    """
    texts: Dict[str, str] = {}
    program = module.get_bin_path("journalctl")
    for unit in units if program else []:
        command = [program, "--unit", unit, "--lines", "2000", "--no-pager", "--utc", "--output", "short-iso"]
        _code, out, err = module.run_command(command, errors="backslashreplace")
        name = "".join(letter if letter.isalnum() or letter in "._-@" else "_" for letter in unit)
        texts[f"journal-{name}.txt"] = out + err
    return texts
