"""Every way to hash a list of pictures that is compared, each as a loop; run as a script, one of them in this process.

    approaches.py NAME FOLDER WORKERS

What imports costs is paid before the loop is timed; starting workers is part of it. A loop gives 16 hex digits for each
path, or None for a picture that it failed on.
"""

from __future__ import annotations

import inspect
import itertools
import os
import sys
import types
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import places  # noqa: F401 # pylint: disable=unused-import
from fresh import serve

Loop = Callable[[List[str], int], List[Optional[str]]]
#: Packages beside Pillow that the engine uses: of the environment of a host, and what mobius_runtime_turbo adds.
DEFAULT, TURBO = ("numpy", "zlib_ng.zlib_ng"), ("deflate",)
_CHUNK = 16
_ENGINE = "ansible_collections.mobius.dhash.plugins.module_utils.engine.pool"
_PICTURE = "ansible_collections.mobius.dhash.plugins.module_utils.dhash.picture"


def naive_one(path: str) -> Optional[str]:
    import imagehash
    from PIL import Image

    try:
        return str(imagehash.dhash(Image.open(path)))
    except Exception:
        return None


def load(name: str) -> None:
    """Import what an approach needs, and the plugins that Pillow would import at its first picture."""
    import_module(name)
    import_module("PIL.Image").preinit()


def naive() -> Loop:
    load("imagehash")
    return lambda paths, _workers: [naive_one(path) for path in paths]


def spread(one: Callable[[str], Optional[str]], kind: Callable[..., Executor], package: str) -> Loop:
    """The same call over threads or processes of the standard library."""
    load(package)

    def loop(paths: List[str], workers: int) -> List[Optional[str]]:
        with kind(max_workers=workers) as pool:
            return list(pool.map(one, paths, chunksize=_CHUNK))

    return loop


def ours(*packages: str, mode: Optional[str] = None) -> Loop:
    """The engine of a migration, with its confidence, limits and worker processes; of the extras only ``packages``."""
    for name in DEFAULT + TURBO:
        if name in packages:
            import_module(name)
        else:
            sys.modules[name] = None  # type: ignore[assignment]
    # What a process loads once is loaded, and tried, before the time is taken.
    import_module(_PICTURE).prepare()
    hash_all = import_module(_ENGINE).hash_all
    options: Dict[str, Any] = {} if mode is None else {"mode": mode}
    return lambda paths, workers: [each.dhash for each in hash_all(enumerate(paths), workers=workers, **options)]


def imagededup_hasher() -> Any:
    """Its hashing module without its neural network, whose PyTorch the package imports and its hashes do not use."""
    found = find_spec("imagededup")
    assert found is not None and found.origin is not None
    for part in ("methods", "utils"):
        # A package whose __init__ is not run: that imports the network.
        package = types.ModuleType(f"imagededup.{part}")
        package.__path__ = [str(Path(found.origin).parent / part)]
        sys.modules[package.__name__] = package
    load("imagededup.methods.hashing")
    return import_module("imagededup.methods.hashing").DHash(verbose=False)


def imagededup() -> Loop:
    hasher = imagededup_hasher()

    def loop(paths: List[str], workers: int) -> List[Optional[str]]:
        hashes = hasher.encode_images(image_dir=Path(paths[0]).parent, num_enc_workers=workers)
        return [hashes.get(Path(path).name) for path in paths]

    return loop


def perception_one(path: str) -> Optional[str]:
    from perception.hashers import DHash

    try:
        found = DHash().compute(path, hash_format="hex")
    except Exception:
        return None
    # Its bit is 1 where the left neighbor is brighter, ImageHash's where the right one is.
    return f"{int(str(found), 16) ^ (1 << 64) - 1:016x}"


def perception() -> Loop:
    import_module("cv2").setNumThreads(1)
    return spread(perception_one, ProcessPoolExecutor, "perception.hashers")


def vips_one(path: str) -> Optional[str]:
    import pyvips

    try:
        small = pyvips.Image.thumbnail(path, 9, height=8, size="force").colourspace("b-w")
        row = bytes(small.extract_band(0).cast("uchar").write_to_memory())
    except Exception:
        return None
    bits = "".join("01"[row[9 * y + x + 1] > row[9 * y + x]] for y, x in itertools.product(range(8), range(8)))
    return f"{int(bits, 2):016x}"


def vips() -> Loop:
    os.environ["VIPS_CONCURRENCY"] = "1"
    return spread(vips_one, ThreadPoolExecutor, "pyvips")


APPROACHES: Dict[str, Callable[[], Loop]] = {
    "naive": naive,
    "naive, threads": partial(spread, naive_one, ThreadPoolExecutor, "imagehash"),
    "naive, processes": partial(spread, naive_one, ProcessPoolExecutor, "imagehash"),
    "ours, Pillow alone": ours,
    "ours": partial(ours, *DEFAULT),
    "ours, turbo": partial(ours, *DEFAULT, *TURBO),
    "ours, fast": partial(ours, *DEFAULT, *TURBO, mode="fast"),
    "imagededup": imagededup,
    "perception": perception,
    "pyvips thumbnail": vips,
}


def absent(name: str) -> Optional[str]:
    """Why an approach cannot be measured here; None when it can."""
    if name == "pyvips thumbnail" and not find_spec("pyvips"):
        return "pyvips could not be built"
    if name == "ours, fast" and "mode" not in inspect.signature(import_module(_ENGINE).hash_all).parameters:
        return "the engine has no fast mode"
    return None


def main() -> None:
    name, folder, workers = sys.argv[1:]
    paths = sorted(str(path) for path in Path(folder).iterdir())
    loop = APPROACHES[name]()
    serve(lambda: loop(paths, int(workers)))


if __name__ == "__main__":
    main()
