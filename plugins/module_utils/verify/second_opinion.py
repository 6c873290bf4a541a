# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hash a sample again, with ImageHash, the reference implementation, if it is installed."""

from __future__ import annotations

import time
import warnings
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ..dhash.picture import EXACT, FAST, PictureError, hash_picture, prepare, register_plugins
from ..dhash.shrink import one_thread
from ..dhash.versions import versions
from ..engine.isolated import Bounds, run_isolated
from ..library.fields import is_dhash
from ..library.window import shown
from ..storage.images import UnsafePath, resolve_under
from ..storage.replace import open_regular
from .findings import Findings
from .members import Sampled

FASTER = "none, ImageHash has no fast mode: the sample was hashed again by the migration's own code"
_Hasher = Callable[..., bytes]
LEAN = "none, ImageHash is not installed: the sample was hashed again by the migration's own code"
# Observed differences in bits between versions of Pillow and between the two modes, with a margin.
_BITS_BETWEEN_VERSIONS = 8
# Starting a process costs more than hashing a picture.
_PICTURES_IN_A_PROCESS = 10


class Limits(NamedTuple):
    """Of one picture: ``seconds`` of wall time and ``pixels``."""

    seconds: float
    pixels: int


def hash_again(
    sample: List[Sampled], image_root: str, block: Dict[str, Any], limits: Limits, findings: Findings
) -> str:
    """Report each item of the sample whose picture gives another dHash or none; returns the name of the hasher.

    :param block: the migration's block, for its Pillow version and mode.
    :raises MobiusError: Pillow is missing; the remedy is the command that installs it.
    """
    here = versions()
    # Loaded once, before the forks, because every process that hashes needs it.
    prepare()
    mode = FAST if block.get("mode") == FAST else EXACT
    reference = _by_imagehash(here["imagehash"]) if mode == EXACT else None
    name, hasher = reference or (LEAN if mode == EXACT else FASTER, partial(_by_ourselves, mode=mode))
    made_with = {block.get("pillow"), *_listed(block.get("also_pillow"))} - {None}
    others = ", ".join(sorted(str(each) for each in made_with - {here["pillow"]}))
    hint = f"; it was made with Pillow {others} and this is {here['pillow']}" if others else ""
    if _listed(block.get("also_mode")):
        hint += f"; the library has dHashes of more than one mode, and this is mode {mode}"
    bounds = Bounds(seconds=limits.seconds, memory=128 * 1024 * 1024 + 16 * limits.pixels, answer=1024)
    paths = [_path(item.image, image_root) for item in sample]
    for item, answer in zip(sample, _answers(partial(hasher, pixels=limits.pixels), paths, bounds)):
        _judge(item, answer, hint, findings)
    return name


def _answers(hasher: Callable[[str], bytes], paths: List[Optional[str]], bounds: Bounds) -> Iterator[Optional[bytes]]:
    """The dHash of each picture, or why there is none; None for no path.

    Several pictures share a process. One that yields no dHash there is hashed again in a process of its own.
    """
    known = [path for path in paths if path is not None]
    shares = [known[start : start + _PICTURES_IN_A_PROCESS] for start in range(0, len(known), _PICTURES_IN_A_PROCESS)]
    found = {}
    calls = (partial(_hash_all, hasher, share, bounds.seconds / 2) for share in shares)
    for share, text in zip(shares, run_isolated(calls, bounds)):
        hashes = text.split(b"\n") if text else []
        found.update({path: dhash for path, dhash in zip(share, hashes) if dhash})
    alone = (None if path is None or path in found else partial(hasher, path) for path in paths)
    for path, answer in zip(paths, run_isolated(alone, bounds)):
        yield answer if path is None else found.get(path, answer)


def _hash_all(hasher: Callable[[str], bytes], paths: List[str], seconds: float) -> bytes:
    """A dHash or nothing for each picture; nothing for those that are left when the time is up."""
    end = time.monotonic() + seconds
    answers = (hasher(path) if time.monotonic() < end else b"" for path in paths)
    return b"\n".join(answer if is_dhash(answer.decode("ascii", "replace")) else b"" for answer in answers)


def _listed(value: Any) -> List[Any]:
    return value if isinstance(value, list) else []


def _judge(item: Sampled, answer: Optional[bytes], hint: str, findings: Findings) -> None:
    text = "" if answer is None else answer.decode("ascii", "replace")
    if not is_dhash(text):
        why = shown(text.encode()) or "no picture found, or not hashed within the limits"
        findings.add("picture", f"its picture cannot be hashed again: {why}", pointer=item.pointer)
        return
    apart = bin(int(text, 16) ^ int(item.dhash, 16)).count("1")
    if apart:
        findings.add(
            "second-opinion",
            f"its dHash is {item.dhash}, its picture now gives {text}, {apart} bits apart{hint}",
            severity="warning" if hint and apart <= _BITS_BETWEEN_VERSIONS else "error",
            pointer=item.pointer,
        )


def _path(image: Any, root: str) -> Optional[str]:
    try:
        return resolve_under(root, image) if isinstance(image, str) else None
    except UnsafePath:
        return None


def _by_imagehash(version: Optional[str]) -> Optional[Tuple[str, _Hasher]]:
    try:
        with one_thread():
            import imagehash
        from PIL import Image
    except ImportError:
        return None
    register_plugins()

    def hasher(path: str, pixels: int) -> bytes:
        Image.MAX_IMAGE_PIXELS = pixels
        warnings.simplefilter("ignore")
        try:
            with open_regular(path) as stream, Image.open(stream) as image:
                return str(imagehash.dhash(image, hash_size=8)).encode("ascii")
        except Exception as error:  # a picture can make Pillow raise anything
            return f"{type(error).__name__}: {error}".encode("ascii", "replace")[:200]

    return f"ImageHash {version}", hasher


def _by_ourselves(path: str, pixels: int, mode: str) -> bytes:
    try:
        return hash_picture(path, pixels, mode).dhash.encode("ascii")
    except PictureError as error:
        return error.text.encode("ascii", "replace")
