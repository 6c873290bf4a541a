# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify a library without changing it: its JSON, its members, an earlier version, its pictures."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..backups.choose import DEPLOYMENT, LATEST, choose
from ..backups.names import CHECKSUM
from ..backups.store import Store
from ..errors import MobiusError
from ..library.compare import unexpected_changes
from ..library.document import LibraryError, open_document
from ..library.fields import IMAGE_KEY, OWNED
from ..library.validate import find_problems
from ..storage.paths import locate_library, refuse_moved
from ..storage.replace import Version, read_version
from ..storage.state import DamagedState, read_current
from ..text import printable
from .findings import MOST, Findings, in_words
from .members import Members
from .schema import check_schema
from .second_opinion import Limits, hash_again

AUTO, ALWAYS, NEVER = "auto", "always", "never"
_MOST_SHOWN = 10


@dataclass(frozen=True)
class Request:
    """What to verify. ``against`` is ``latest``, ``deployment`` or a file; ``sample`` a number of items.

    ``complete``: whether every item must be migrated; ``auto`` requires it if a migration is known.
    """

    path: str
    against: Optional[str] = None
    complete: str = AUTO
    backup_dir: Optional[str] = None
    schema: Optional[str] = None
    sample: int = 0
    image_root: Optional[str] = None
    items: Optional[Sequence[str]] = None
    image_key: str = IMAGE_KEY
    image_timeout: float = 30.0
    max_pixels: int = 178_956_970
    expected_real_path: Optional[str] = None


def verify(request: Request) -> Dict[str, Any]:
    """Verify a library; returns what the module ``library_verify`` documents. Nothing is changed.

    :raises MobiusError: the verification cannot be done; problems of the library are in the result.
    """
    if request.sample < 0:
        raise MobiusError("Invalid sample: it must not be negative", str(request.sample), "set sample to 0 or more")
    if request.sample and not request.image_root:
        raise MobiusError("A sample needs the folder that the pictures are in", request.path, "set image_root as well")
    refuse_moved(request.path, request.expected_real_path)
    library = locate_library(request.path)
    run = _Run(request, library, read_version(library))
    run.all()
    return run.result()


def verify_or_fail(request: Request) -> Dict[str, Any]:
    """As :func:`verify`; a library that is not valid makes the result a failure."""
    result = verify(request)
    return result if result["valid"] else {**result, "failed": True, "msg": summary(result)}


def verify_migrated(given: Mapping[str, Any], migrated: Mapping[str, Any]) -> Dict[str, Any]:
    """Verify a library after its migration, against the backup that the migration made, if any.

    :param given: the parameters of ``dhash_migrate``; its ``verify`` holds those of the verification alone.
    :param migrated: the result of the migration.
    """
    shared = {each.name: given[each.name] for each in fields(Request) if each.name in given}
    against = (migrated.get("backup") or {}).get("path")
    return verify_or_fail(Request(**{**shared, **given["verify"], "against": against}))


class _Run:
    def __init__(self, request: Request, library: str, version: Version) -> None:
        self._request = request
        self._library = library
        self._version = version
        self._findings = Findings()
        self._warnings: List[str] = []
        self._earlier: Optional[str] = None
        self._sampled = 0
        self._opinion: Optional[str] = None
        self._members: Optional[Members] = None

    def all(self) -> None:
        """Run each check; a file that is not JSON is not checked further."""
        request, findings = self._request, self._findings
        if request.against:
            self._earlier = self._chosen(request.against)
        for problem in find_problems(self._library, MOST):
            findings.add(**problem)
        if findings.errors:
            return
        block = self._check_members()
        if self._earlier:
            # A review may have followed the migration.
            for change in unexpected_changes(
                self._earlier, self._library, request.items, request.image_key, MOST, owned=OWNED
            ):
                findings.add("changed", change["message"], pointer=change["pointer"], line=change["line"])
        if request.schema:
            for pointer, message in check_schema(self._library, request.schema, MOST):
                findings.add("schema", message, pointer=pointer)
        if request.sample and self._members:
            self._hash_again(self._members, block)
        if read_version(self._library) != self._version:
            findings.add("changed-meanwhile", "another program changed the file while it was being verified")

    def result(self) -> Dict[str, Any]:
        members, findings = self._members, self._findings
        result = {
            "changed": False,
            "valid": findings.errors == 0,
            "item_count": members.items if members else None,
            "with_dhash": members.with_dhash if members else None,
            "unmigrated": members.unmigrated if members else None,
            "problems": findings.first(),
            "errors": findings.errors,
            "sampled": self._sampled,
            "second_opinion": self._opinion,
            "against": self._earlier,
            "sha256": self._version.sha256,
            "warnings": self._warnings,
        }
        return {**result, "lines": lines(self._request.path, result)}

    def _chosen(self, against: str) -> str:
        """Return the file to compare with: a backup that verifies, or any other file without a checksum."""
        store = Store.of(self._request.path, self._request.backup_dir)
        beside = Path(os.path.abspath(self._request.path)).parent
        places = [against] if os.path.isabs(against) else [str(beside / against), str(Path(store.folder) / against)]
        if against not in (LATEST, DEPLOYMENT):
            for place in places:
                if os.path.isfile(place) and not os.path.lexists(place + CHECKSUM):
                    self._warnings.append(f"{place} has no checksum; it is used unverified.")
                    return place
        current = read_current(self._library, self._version.sha256) if against == DEPLOYMENT else None
        return choose(store, against, current, self._warnings).path

    def _check_members(self) -> Dict[str, Any]:
        request = self._request
        members = Members(self._findings, request.image_key, request.sample)
        try:
            with open_document(request.path) as document:
                for item in document.items(request.items, request.image_key):
                    members.check(item.pointer, item.value)
                block = document.block or {}
        except LibraryError as error:
            self._findings.add("items", f"{error.what}. Next: {error.remedy}", line=error.line, column=error.column)
            return {}
        self._members = members
        # A library with the bytes of the earlier file was not migrated since.
        since = self._earlier is not None and read_version(self._earlier).sha256 != self._version.sha256
        migration_known = since or bool(block) or self._is_migrated_by_state()
        if request.complete == ALWAYS or (request.complete == AUTO and migration_known):
            members.complete(migration_known=migration_known)
        if block:
            members.against_block(block, "error" if since and request.complete != NEVER else "warning")
        return block

    def _is_migrated_by_state(self) -> bool:
        """Whether the state has a migration of this library, and these are not the bytes from before it."""
        try:
            current = read_current(self._library, self._version.sha256) or {}
        except DamagedState as error:
            self._warnings.append(str(error))
            return False
        before = (current.get("backup") or {}).get("sha256")
        return current.get("status") == "deployed" and (
            current.get("sha256") == self._version.sha256 or before != self._version.sha256
        )

    def _hash_again(self, members: Members, block: Dict[str, Any]) -> None:
        request = self._request
        sample = members.sample.chosen()
        limits = Limits(request.image_timeout, request.max_pixels)
        if not block:
            # A list cannot hold the block; the state has the same data.
            with suppress(DamagedState):
                block = (read_current(self._library, self._version.sha256) or {}).get("versions") or {}
        self._opinion = hash_again(sample, str(request.image_root), block, limits, self._findings)
        self._sampled = len(sample)


def lines(path: str, result: Dict[str, Any]) -> List[str]:
    """Format the result: the library, the counts, and the first problems."""
    shown = [f"library   {path} (sha256 {result['sha256']})"]
    if result["item_count"] is not None:
        counted = f"{result['with_dhash']} with a dHash, {result['unmigrated']} not migrated"
        shown.append(f"items     {result['item_count']}: {counted}")
    if result["second_opinion"]:
        shown.append(f"sample    {result['sampled']} hashed again: {result['second_opinion']}")
    if result["against"]:
        shown.append(f"against   {result['against']}")
    problems = result["problems"]
    shown += [f"{each['severity']:8}  {in_words(each)}" for each in problems[:_MOST_SHOWN]] or ["problems  none"]
    if len(problems) > _MOST_SHOWN or result["errors"] > len(problems):
        shown.append(f"          ... {result['errors']} errors in all")
    return [printable(line) for line in shown]


def summary(result: Dict[str, Any]) -> str:
    """Return the message of a failed verification."""
    count = result["errors"]
    first = "; ".join(in_words(problem) for problem in result["problems"][:3] if problem["severity"] == "error")
    more = f"; and {count - 3} more" if count > 3 else ""
    return f"The library is not valid, {count} problem{'s' if count > 1 else ''}: {first}{more}"
