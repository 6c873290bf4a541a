"""Build three real picture collections from packages, the same each time.

    python3 corpora.py DEST [tokens] [web] [photos]

tokens  about 1,900 small pictures of games (PNG, GIF, JPEG; RGBA, palette, grey): cards, tiles, portraits
web     200 JPEG of about 1000 pixels, baseline and progressive
photos  60 JPEG of 10 to 24 megapixels

Needs Pillow, apt-get, dpkg and pip. The pictures belong to their packages: never commit one.
"""

from __future__ import annotations

import collections
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Iterable, Iterator, List, NamedTuple

from PIL import Image

Image.MAX_IMAGE_PIXELS = None
GAMES = {
    "wesnoth-1.16-data": 1000,
    "freeciv-data": 350,
    "pokerth-data": 279,
    "tuxpaint-stamps-default": 250,
    "xmahjongg": 60,
    "crawl-tiles-data": 40,
    "kdegames-card-data-kf5": 16,
}
WALLPAPERS = (
    "gnome-backgrounds",
    "plasma-workspace-wallpapers",
    "mate-backgrounds",
    "ukui-wallpapers",
    "lomiri-wallpapers-20.04",
    "lomiri-wallpapers-16.04",
)
WHEELS = ("scikit-learn", "scikit-image")
SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".webp"}
_CROPS = ((0.0, 0.0, 1.0, 1.0), (0.1, 0.1, 0.7, 0.7), (0.35, 0.25, 0.95, 0.85), (0.2, 0.3, 0.8, 0.9))


class Row(NamedTuple):
    """A picture of a package."""

    path: Path
    package: str
    kind: str
    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height


def unpack(work: Path) -> None:
    debs, out = work / "debs", work / "x"
    debs.mkdir(parents=True, exist_ok=True)
    out.mkdir(exist_ok=True)
    for name in (*GAMES, *WALLPAPERS):
        for deb in _debs(debs, name):
            if not (out / name).exists():
                subprocess.run(["dpkg", "-x", str(deb), str(out / name)], check=True)
    wheels = work / "wheels"
    if not wheels.exists():
        pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "download", "--no-deps"]
        subprocess.run([*pip, "--only-binary", ":all:", "-d", str(wheels), *WHEELS], check=True)
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                if Path(member).suffix.lower() in SUFFIXES:
                    archive.extract(member, out / "wheels")


def _debs(folder: Path, name: str) -> List[Path]:
    """Download a package, with fresh lists where the ones here are too old or missing."""
    for update in (False, True):
        if list(folder.glob(f"{name}_*.deb")):
            break
        if update and os.geteuid() == 0:
            subprocess.run(["apt-get", "-q", "update"], check=False, capture_output=True)
        subprocess.run(["apt-get", "-q", "download", name], cwd=folder, check=False, capture_output=True)
    found = list(folder.glob(f"{name}_*.deb"))
    if not found:
        raise SystemExit(f"apt-get download {name} failed. Next: sudo apt-get update, or BENCH_PICTURES=FOLDER")
    return found


def pictures(root: Path) -> List[Row]:
    """All readable pictures, in an order that depends on names alone."""
    found = []
    for path in root.rglob("*"):
        if path.is_symlink() or path.suffix.lower() not in SUFFIXES:
            continue
        try:
            with Image.open(path) as image:
                found.append(Row(path, path.relative_to(root).parts[0], str(image.format), *image.size))
        except (OSError, ValueError, SyntaxError):
            continue
    return sorted(found, key=lambda row: hashlib.sha1(str(row.path.relative_to(root)).encode()).hexdigest())


def unique(rows: Iterable[Row]) -> Iterator[Row]:
    seen = set()
    for row in rows:
        digest = hashlib.md5(row.path.read_bytes()).digest()
        if digest not in seen:
            seen.add(digest)
            yield row


def save_jpeg(image: Image.Image, path: Path, n: int) -> None:
    quality, subsampling = (75, 85, 92, 95)[n % 4], (2, 2, 0, 1)[(n // 4) % 4]
    image.save(path, "JPEG", quality=quality, subsampling=subsampling, progressive=n % 7 == 3)


def tokens(rows: List[Row], dest: Path) -> None:
    count: collections.Counter[str] = collections.Counter()
    large = 0
    small = (row for row in rows if row.package in GAMES and 400 <= row.pixels <= 500_000)
    for n, row in enumerate(unique(small)):
        if count[row.package] >= GAMES[row.package]:
            continue
        if row.package.startswith("wesnoth"):  # half of them card-like portraits
            is_large = min(row.width, row.height) >= 150
            if is_large and large >= 500:
                continue
            large += is_large
        count[row.package] += 1
        shutil.copyfile(row.path, dest / f"{n:05d}.{row.kind.lower().replace('jpeg', 'jpg')}")


def sources(rows: List[Row]) -> List[Row]:
    def wanted(row: Row) -> bool:
        from_wheel = row.package == "wheels" and row.width >= 500 and row.kind == "JPEG"
        return row.package not in GAMES and (row.pixels >= 2_000_000 or from_wheel)

    return list(unique(row for row in rows if wanted(row)))


def web(rows: List[Row], dest: Path) -> None:
    found = [row for row in sources(rows) if row.kind == "JPEG"]
    for n in range(200):
        left, top, right, bottom = _CROPS[(n // len(found)) % 4]
        with Image.open(found[n % len(found)].path) as image:
            w, h = image.size
            view = image.convert("RGB").crop((int(left * w), int(top * h), int(right * w), int(bottom * h)))
        view.thumbnail((1000, 1000) if n % 3 else (1280, 1024), Image.Resampling.LANCZOS)
        save_jpeg(view, dest / f"{n:04d}.jpg", n)


def photos(rows: List[Row], dest: Path) -> None:
    """Real ones first, then enlarged ones up to 60."""
    found = sources(rows)
    real = [row for row in found if row.pixels >= 10e6]
    enlarged = [row for row in found if 3.5e6 <= row.pixels < 10e6]
    for n, row in enumerate([*real, *enlarged][:60]):
        if row.pixels >= 10e6 and row.kind == "JPEG":
            shutil.copyfile(row.path, dest / f"{n:03d}.jpg")
            continue
        scale = 1.0 if row.pixels >= 10e6 else ((12e6, 16e6, 24e6)[n % 3] / row.pixels) ** 0.5
        size = int(row.width * scale), int(row.height * scale)
        with Image.open(row.path) as image:
            save_jpeg(image.convert("RGB").resize(size, Image.Resampling.BICUBIC), dest / f"{n:03d}.jpg", n)


def main() -> None:
    dest = Path(sys.argv[1]).resolve()
    makers = {"tokens": tokens, "web": web, "photos": photos}
    unpack(dest / "work")
    rows = pictures(dest / "work" / "x")
    for name in sys.argv[2:] or makers:
        folder = dest / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        makers[name](rows, folder)
        print(f"{name}: {len(list(folder.iterdir()))} pictures in {folder}")
    shutil.rmtree(dest / "work")


if __name__ == "__main__":
    main()
