# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a retention tells of its decisions, whatever it is over."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple


def pruned(
    folder: str,
    decided: Iterable[Tuple[bool, Dict[str, Any]]],
    failed: Mapping[str, str],
    beside: Sequence[Dict[str, Any]] = (),
) -> Dict[str, Any]:
    """The result of a module that prunes: ``changed``, ``removed``, ``kept``, ``freed``, ``diff`` and ``warnings``.

    :param decided: whether each stays, and its facts: at least ``path``, ``size`` and ``reason``.
    :param failed: why what was to go is still there, by path.
    :param beside: facts of what nothing was decided about, and is gone too.
    """
    removed: List[Dict[str, Any]] = []
    kept: List[Dict[str, Any]] = []
    for stays, facts in decided:
        reason = failed.get(facts["path"])
        (kept if stays or reason else removed).append({**facts, "reason": reason or facts["reason"]})
    removed += beside
    before, after = ([each["path"] for each in listed] for listed in (removed + kept, kept))
    return {
        "changed": bool(removed),
        "removed": removed,
        "kept": kept,
        "freed": sum(each["size"] for each in removed),
        "diff": {
            "before": "".join(f"{each}\n" for each in sorted(before, reverse=True)),
            "after": "".join(f"{each}\n" for each in sorted(after, reverse=True)),
            "before_header": folder,
            "after_header": folder,
        },
        "warnings": [f"{path} stays: {reason}" for path, reason in failed.items()],
    }
