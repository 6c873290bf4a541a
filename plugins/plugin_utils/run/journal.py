# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's journal of a run: one file a host, in Ansible's temporary folder of this ansible-playbook.

Each task runs in a process of its own, so a file is what they share. It holds one JSON object a line: the beginning of
the run, each step, each failure of a task that is not ours, and the end.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence

BEGIN, PART, STEP, MARK, FAILURE, HOOK, END = "begin", "part", "step", "mark", "failure", "hook", "end"
Entry = Dict[str, Any]


class Journal:
    """The last run on one host.

    :param folder: Ansible's temporary folder, ``ansible.constants.DEFAULT_LOCAL_TMP``.
    """

    def __init__(self, folder: str, host: str) -> None:
        self._folder = Path(folder) / "mobius.dhash"
        self._path = self._file(host)
        self.host = host

    def begin(self, entry: Mapping[str, Any]) -> None:
        """Start a run; what is known of an earlier one on this host is dropped."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._ended(self.host).unlink(missing_ok=True)
        self._append({**entry, "event": BEGIN, "host": self.host})

    def add(self, event: str, **members: Any) -> None:
        """Note a step, a failure or the end; without a run, nothing."""
        if self.is_open:
            self._append({**members, "event": event})
            if event == END:
                self._ended(self.host).touch()

    @property
    def is_open(self) -> bool:
        """Whether a run has begun on this host and has not ended."""
        entries = self.entries()
        return bool(entries) and entries[-1]["event"] != END

    def entries(self) -> List[Entry]:
        """All entries, oldest first; none when no run has begun."""
        return _entries(self._path)

    def unended(self, hosts: Sequence[str]) -> List[str]:
        """Those of the hosts on which a run has begun and has not ended."""
        return [host for host in hosts if self._file(host).exists() and not self._ended(host).exists()]

    @contextmanager
    def ended(self, batch: Sequence[str] = (), **members: Any) -> Iterator[Dict[str, List[Entry]]]:
        """End the run and give the entries of every host; of hosts that end together, only the last sees all ends.

        :param batch: nothing is given while one of these hosts has not ended, so that not every host reads all entries.
        """
        with self._locked():
            self.add(END, **members)
            # Hosts end about in their order, so that the last one mostly decides.
            yield self._all() if all(self._ended(host).exists() for host in reversed(batch)) else {}

    def once(self, key: str, call: Callable[[], Dict[str, Any]]) -> Dict[str, Any]:
        """What ``call`` returns; for all hosts of this ansible-playbook it is called once for each ``key``.

        An error is not kept: the next host calls again.
        """
        known = self._folder / f"once-{_digest(key)}"
        with self._locked():
            if known.exists():
                found: Dict[str, Any] = json.loads(known.read_text(encoding="utf-8"))
                return found
            result = call()
            _write_whole(known, json.dumps(result))
            return result

    def reported(self, runs: Mapping[str, List[Entry]]) -> bool:
        """Whether a message has been sent that covers one of these runs; to be called while they are held."""
        sent = self._sent.read_text(encoding="utf-8").split() if self._sent.exists() else []
        return any(entries[0].get("id") in sent for entries in runs.values())

    def report(self, runs: Mapping[str, List[Entry]]) -> None:
        """Note that a message has been sent that covers these runs."""
        with self._sent.open("a", encoding="utf-8") as stream:
            stream.writelines(f"{entries[0].get('id')}\n" for entries in runs.values())

    def fleet(self, given: str, new: str) -> str:
        """The id of this fleet run, which every host of one ansible-playbook shares.

        :param given: to continue an earlier fleet run; else ``new`` holds, where no host has come first.
        """
        with self._locked():
            path = self._folder / "fleet"
            if not path.exists():
                _write_whole(path, given or new)
            return path.read_text(encoding="utf-8")

    def known_fleet(self) -> str:
        """The id of the fleet run; empty where no deployment has begun."""
        path = self._folder / "fleet"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def note_rollout(self, event: str, **members: Any) -> None:
        """Add to the journal of the whole fleet run, which outlives the single run; see :mod:`.rollout`."""
        with self._locked():
            _append_line(self._folder / "rollout", {"host": self.host, **members, "event": event})

    def rollout(self) -> List[Entry]:
        """The journal of the fleet run, oldest entry first."""
        return _entries(self._folder / "rollout")

    def derived(self, inputs: str, derive: Callable[[], Mapping[str, Any]]) -> Any:
        """This host's part of what ``derive`` makes of the journal of the fleet run; None where it has none.

        All hosts share what the first one derives, each part in a file of its own, until the journal grows.

        :param inputs: what it depends on beside the journal.
        :param derive: returns the parts by host.
        """
        with self._locked():
            rollout = self._folder / "rollout"
            grown = rollout.stat().st_size if rollout.exists() else 0
            folder = self._folder / f"derived-{_digest(f'{grown} {inputs}')}"
            if not folder.exists():
                made = self._folder / "derived-new"
                shutil.rmtree(made, ignore_errors=True)
                made.mkdir()
                for host, part in derive().items():
                    (made / _digest(host)).write_text(json.dumps(part, default=str), encoding="utf-8")
                made.rename(folder)
            path = folder / _digest(self.host)
            return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def _file(self, host: str) -> Path:
        return self._folder / f"{_digest(host)}.jsonl"

    def _ended(self, host: str) -> Path:
        return self._folder / f"{_digest(host)}.ended"

    def keep_page(self, page: Mapping[str, Any]) -> None:
        """Keep what the page of all hosts was made from, for the end of the fleet run; while the lock is held."""
        _write_whole(self._folder / "page", json.dumps(page, default=str))

    def kept_page(self) -> Dict[str, Any]:
        """What :meth:`keep_page` has kept; empty where no page was written."""
        path = self._folder / "page"
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}

    @property
    def _sent(self) -> Path:
        return self._folder / "sent"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _all(self) -> Dict[str, List[Entry]]:
        found = [_entries(path) for path in sorted(self._folder.glob("*.jsonl"))]
        return {str(entries[0].get("host")): entries for entries in found if entries}

    def _append(self, entry: Entry) -> None:
        _append_line(self._path, entry)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _append_line(path: Path, entry: Mapping[str, Any]) -> None:
    """Append a whole line or nothing: half a line would make the journal unreadable for the rollback.

    :raises OSError: the disk of the controller is full, or broken.
    """
    line = (json.dumps(entry, default=str) + "\n").encode()
    with path.open("ab", buffering=0) as stream:
        end = stream.tell()
        try:
            if stream.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        except OSError:
            stream.truncate(end)
            raise


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all; while the lock is held."""
    made = path.with_name("new")
    made.write_text(text, encoding="utf-8")
    made.replace(path)


def _entries(path: Path) -> List[Entry]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]
