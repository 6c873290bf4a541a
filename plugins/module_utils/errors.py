# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error type that reaches an operator: what failed, where, and the next step."""

from __future__ import annotations

from typing import Any, Dict, Optional, Union


class MobiusError(Exception):
    """An expected failure.

    :param what: one sentence without a final period.
    :param where: the file, item or URL.
    :param remedy: the next step, preferably a command.
    :param details: further members of a module\'s failure, as data for the caller.
    """

    def __init__(
        self,
        what: str,
        where: Optional[str] = None,
        remedy: Optional[str] = None,
        details: Optional[Dict[str, Any]] = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy
        self.details = details or {}

    def __str__(self) -> str:
        text = self.what if self.where is None else f"{self.what}: {self.where}"
        end = "" if text.endswith(("?", "!")) else "."
        return f"{text}{end}" if self.remedy is None else f"{text}{end} Next: {self.remedy}"


def failure(error: Union[MobiusError, OSError], path: str) -> Dict[str, Any]:
    """Return a failed module result: ``failed``, ``msg``, ``where``, ``remedy``.

    :param path: the library, for an operating system error that does not name a file.
    """
    if not isinstance(error, MobiusError):
        where = error.filename or path
        error = MobiusError(
            str(error.strerror or error), str(where), "check the owner, the mode and the free space of that path"
        )
    return {**error.details, "failed": True, "msg": str(error), "where": error.where, "remedy": error.remedy}
