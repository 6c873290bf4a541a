from __future__ import annotations

import base64
import io
import os

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.review import thumbnails as module
from ansible_collections.mobius.dhash.plugins.module_utils.review.thumbnails import EDGE, LARGEST, thumbnails
from PIL import Image

LIMITS = (20, 4_000_000)


def picture(path, size=(400, 300), mode="RGB", colour=None, **options):
    Image.new(mode, size, colour or (200, 30, 30)[: len(mode)]).save(path, **options)
    return str(path)


def opened(uri):
    head, data = uri.split(",", 1)
    assert head in ("data:image/webp;base64", "data:image/png;base64", "data:image/jpeg;base64")
    return Image.open(io.BytesIO(base64.b64decode(data, validate=True)))


def open_descriptors():
    return len(os.listdir("/proc/self/fd"))


def test_thumbnails_are_small_ordered_and_reproducible(tmp_path):
    paths = [
        picture(tmp_path / "a.png"),
        None,
        picture(tmp_path / "b.jpg", (90, 1200)),
        str(tmp_path / "missing.png"),
        picture(tmp_path / "c.gif", (20, 10)),
    ]
    before = open_descriptors()
    found = list(thumbnails(paths, *LIMITS))
    assert [opened(uri).size if uri else None for uri in found] == [(EDGE, 144), None, (14, EDGE), None, (20, 10)]
    assert found == list(thumbnails(paths, *LIMITS))
    assert open_descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_transparency_is_kept_and_exif_orientation_followed(tmp_path):
    see_through = picture(tmp_path / "a.png", mode="RGBA", colour=(255, 0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = picture(tmp_path / "b.jpg", exif=exif)
    first, second = thumbnails([see_through, turned], *LIMITS)
    assert opened(first).convert("RGBA").getpixel((0, 0))[3] == 0
    assert opened(second).size == (144, EDGE)


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "P", "CMYK", "F", "LA"])
def test_every_mode_is_shown(tmp_path, mode):
    path = str(tmp_path / ("x.tif" if mode in ("F", "CMYK") else "x.png"))
    Image.new(mode, (300, 200)).save(path)
    (uri,) = thumbnails([path], *LIMITS)
    assert opened(uri).size == (EDGE, 128)


def test_a_file_that_is_not_a_picture_fails_alone(tmp_path):
    (tmp_path / "text.png").write_text("<svg onload=alert(1)>")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "fifo.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / picture(tmp_path / "a.png")).read_bytes()[:60])
    names = ["text.png", "empty.png", "folder.png", "fifo.png", "cut.png"]
    good = str(tmp_path / "a.png")
    found = list(thumbnails([*(str(tmp_path / name) for name in names), "/dev/zero", "a\0b", good], *LIMITS))
    assert found[:-1] == [None] * 7 and found[-1]


def test_too_many_pixels_are_not_decoded(tmp_path):
    path = picture(tmp_path / "a.png", (3000, 2000), "1", 1)
    assert list(thumbnails([path], *LIMITS)) == [None]
    assert list(thumbnails([path], 20, 6_000_000))[0]


def test_a_file_that_is_not_a_picture_is_left_out(tmp_path, monkeypatch):
    answers = {"svg": b"<svg>", "flood": b"RIFF" + bytes(LARGEST), "none": b"", "fine": b"RIFF"}
    monkeypatch.setattr(module, "_small", lambda path, pixels: answers[path])
    assert list(thumbnails([*answers], *LIMITS)) == [None, None, None, "data:image/webp;base64,UklGRg=="]


def test_without_pillow_there_are_no_thumbnails(monkeypatch):
    monkeypatch.setattr(module, "Image", None)
    assert not module.available()
    assert list(thumbnails(["a.png", None], *LIMITS)) == [None, None]
