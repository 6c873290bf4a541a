"""Every format that Pillow opens gives ImageHash's answer, whatever its plugin does to the file that it is given."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Callable, Dict

import pytest
from ansible_collections.mobius.dhash.tests.support.drawn import scene
from ansible_collections.mobius.dhash.tests.support.hashes import definition, ours
from PIL import Image, features

Image.init()
MODES = ("RGB", "L", "1", "P", "RGBA", "LA", "CMYK", "YCbCr", "I", "F", "I;16")
# Pillow hands these to Ghostscript or to a handler of another program, or cannot read what it writes.
WITHOUT_A_PICTURE = {"BUFR", "EPS", "GRIB", "HDF5", "PALM", "PDF", "WMF"}
SAVED = sorted(set(Image.SAVE) - WITHOUT_A_PICTURE)


def converted(mode: str, size: tuple) -> Image.Image:
    image = scene(size).convert("RGB")
    if mode == "I;16":
        return image.convert("L").convert("I").point(lambda value: value * 200).convert("I;16")
    return image.convert(mode)


@pytest.mark.parametrize("name", SAVED)
@pytest.mark.parametrize("size", [(61, 47), (640, 480)])
def test_a_format_that_pillow_writes(name: str, size: tuple, tmp_path: Path) -> None:
    met = 0
    for mode in MODES:
        path = tmp_path / f"{mode.replace(';', '')}.{name.lower()}"
        try:
            converted(mode, size).save(path, name)
        except Exception:  # a mode that this format has not, or a size
            continue
        expected = definition(path)
        met += expected is not None
        assert ours(path) == expected, (name, mode)
    assert met or name in ("SPIDER", "ICO", "ICNS"), "none of the modes was written and read"


def ftex(kind: int, size: tuple, data: bytes) -> bytes:
    """A texture of Independence War 2, as Pillow's FtexImagePlugin describes it."""
    head = b"FTEX" + struct.pack("<I", 0x00010001) + struct.pack("<2i", *size) + struct.pack("<2i", 1, 1)
    where = struct.pack("<2i", kind, len(head) + 8)
    return head + where + struct.pack("<i", len(data)) + data


def raw(mode: str = "RGB", size: tuple = (64, 48)) -> bytes:
    return converted(mode, size).tobytes()


def sun() -> bytes:
    return struct.pack(">8I", 0x59A66A95, 64, 48, 24, 64 * 48 * 3, 1, 0, 0) + raw()


def fits() -> bytes:
    cards = ["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 64", "NAXIS2  = 48", "END"]
    head = "".join(card.ljust(80) for card in cards).ljust(2880).encode()
    return head + raw("L").ljust(2880 * 2, b"\0")


def psd() -> bytes:
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 48, 64, 8, 3) + struct.pack(">III", 0, 0, 0) + struct.pack(">H", 0)
    return head + b"".join(band.tobytes() for band in converted("RGB", (64, 48)).split())


def dcx(tmp_path: Path) -> bytes:
    converted("RGB", (64, 48)).save(tmp_path / "one.pcx")
    return struct.pack("<III", 987654321, 12, 0) + (tmp_path / "one.pcx").read_bytes()


def cursor(tmp_path: Path) -> bytes:
    converted("RGBA", (48, 48)).save(tmp_path / "one.ico", sizes=[(48, 48)], bitmap_format="bmp")
    data = bytearray((tmp_path / "one.ico").read_bytes())
    data[2] = 2
    return bytes(data)


def xpm() -> bytes:
    rows = ",\n".join(f'"{"".join("ab"[(x * y // 7) % 2] for x in range(40))}"' for y in range(32))
    return f'/* XPM */\nstatic char *die[] = {{\n"40 32 2 1",\n"a c #102030",\n"b c #f0e0d0",\n{rows}\n}};\n'.encode()


def pixar() -> bytes:
    head = bytearray(1024)
    head[:4] = b"\200\350\000\000"
    head[416:420], head[424:428] = struct.pack("<HH", 48, 64), struct.pack("<HH", 14, 2)
    return bytes(head) + raw()


def xv() -> bytes:
    return b"P7 332\n#END_OF_COMMENTS\n64 48 255\n" + raw("L")


def fli() -> bytes:
    frame = struct.pack("<IHI", 64 * 48 + 6, 16, 0)[:6] + raw("L")
    frame = struct.pack("<IHH8x", 16 + len(frame), 0xF1FA, 1) + frame
    head = struct.pack("<IHHHHHHI", 128 + len(frame), 0xAF12, 1, 64, 48, 8, 3, 70)
    return head.ljust(128, b"\0") + frame


READ: Dict[str, Callable[..., bytes]] = {
    "FTEX raw.ftu": lambda: ftex(1, (64, 48), raw()),
    "FTEX dxt1.ftc": lambda: ftex(0, (64, 48), bytes(range(256)) * 6),
    "SUN": sun,
    "FITS": fits,
    "PSD": psd,
    "XPM": xpm,
    "PIXAR": pixar,
    "XVTHUMB": xv,
    "FLI": fli,
}
READ_FROM_OTHERS: Dict[str, Callable[[Path], bytes]] = {"DCX": dcx, "CUR": cursor}


@pytest.mark.parametrize("name", [*READ, *READ_FROM_OTHERS])
def test_a_format_that_pillow_only_reads(name: str, tmp_path: Path) -> None:
    data = READ[name]() if name in READ else READ_FROM_OTHERS[name](tmp_path)
    for cut in (len(data), len(data) // 2, 40):
        path = tmp_path / f"{cut} {name}"
        path.write_bytes(data[:cut])
        expected = definition(path)
        assert cut < len(data) or expected is not None, "the sample is not one"
        assert ours(path) == expected, cut


def test_a_picture_of_a_usual_format_has_any_name(tmp_path: Path) -> None:
    scene((61, 47)).save(tmp_path / "a.ftc", "PNG")
    assert ours(tmp_path / "a.ftc") == definition(tmp_path / "a.ftc")


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif(tmp_path: Path) -> None:
    scene((61, 47)).save(tmp_path / "a.avif")
    expected = definition(tmp_path / "a.avif")
    assert expected is not None and ours(tmp_path / "a.avif") == expected


def test_heic_is_hashed_as_by_imagehash_with_pillow_heif(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    for number, (mode, quality, orientation) in enumerate(
        [("RGB", 90, 1), ("RGB", 30, 6), ("L", 80, 3), ("RGBA", 70, 1)]
    ):
        path = tmp_path / f"{number}.heic"
        exif = Image.Exif()
        exif[0x0112] = orientation
        converted(mode, (161, 97)).save(path, quality=quality, exif=exif.tobytes())
        expected = definition(path)
        assert expected is not None
        assert ours(path) == expected
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert ours(path) == definition(path)
