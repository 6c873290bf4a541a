from __future__ import annotations

import os
import random
import zlib
from pathlib import Path

import imagehash
import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.dhash.comparisons import dhash_of, differences
from ansible_collections.mobius.dhash.plugins.module_utils.dhash.picture import (
    PictureError,
    hash_picture,
)
from ansible_collections.mobius.dhash.tests.support.drawn import kinds, scene
from ansible_collections.mobius.dhash.tests.support.hashes import definition, ours
from PIL import Image

KINDS = kinds()


def code_of(path: object, **options: int) -> str:
    with pytest.raises(PictureError) as caught:
        hash_picture(str(path), **options)
    assert caught.value.text.isprintable()
    return caught.value.code


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_hashes_as_imagehash_does(name: str, tmp_path: Path) -> None:
    KINDS[name](tmp_path / name)
    expected = definition(tmp_path / name)
    assert expected is not None
    assert ours(tmp_path / name) == expected


def test_many_scenes_hash_as_imagehash_does(tmp_path: Path) -> None:
    chance = random.Random(7)
    for seed in range(60):
        path = tmp_path / f"{seed}.{chance.choice(['png', 'jpg', 'gif'])}"
        scene((chance.randrange(1, 260), chance.randrange(1, 260)), seed).save(path)
        assert ours(path) == definition(path), path


def test_bits_run_from_the_top_left_one_for_a_brighter_right() -> None:
    greys = bytearray(9 * 8)
    greys[1] = 9  # brighter than its left, and than its right
    assert differences(bytes(greys))[:3] == [9, -9, 0]
    assert dhash_of(differences(bytes(greys))) == "8000000000000000"
    greys = bytearray(9 * 8)
    greys[-1] = 9
    assert dhash_of(differences(bytes(greys))) == "0000000000000001"
    greys[7 * 9] = 9  # the neighbour of the end of the row above, which is no comparison
    assert dhash_of(differences(bytes(greys))) == "0000000000000001"


def test_a_picture_turned_by_exif_alone_hashes_as_stored(tmp_path: Path) -> None:
    KINDS["turned.jpg"](tmp_path / "turned.jpg")
    with Image.open(tmp_path / "turned.jpg") as image:
        image.info.pop("exif")
        image.save(tmp_path / "plain.png", exif=b"")
    assert ours(tmp_path / "turned.jpg") == ours(tmp_path / "plain.png")


def test_alpha_hides_nothing(tmp_path: Path) -> None:
    KINDS["alpha.png"](tmp_path / "alpha.png")
    KINDS["rgb.png"](tmp_path / "rgb.png")
    assert ours(tmp_path / "alpha.png") == ours(tmp_path / "rgb.png")


@pytest.mark.parametrize(
    "name", ["rgb.png", "baseline.jpg", "progressive.jpg", "animated.gif", "plain.bmp", "deep.tif"]
)
def test_a_truncated_file_has_a_reason_or_the_hash_of_imagehash(name: str, tmp_path: Path) -> None:
    KINDS[name](tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    failed = 0
    for part in range(1, 20):
        (tmp_path / name).write_bytes(whole[: len(whole) * part // 20])
        expected = definition(tmp_path / name)
        assert ours(tmp_path / name) == expected
        failed += expected is None
    assert failed


@pytest.mark.parametrize("suffix", ["pcx", "tga"])
def test_a_small_file_that_pillow_seeks_before_the_start_of_is_refused_as_by_imagehash(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"small.{suffix}"
    if suffix == "pcx":
        scene((20, 16)).convert("L").save(path)
        # Its palette is looked for at the end.
        path.write_bytes(path.read_bytes()[:-769])
    else:
        path.write_bytes(bytes([0, 0, 2, *[0] * 9, 1, 0, 1, 0, 32, 8]) + b"abcd")
    if suffix == "tga" and int(Image.__version__.split(".")[0]) < 12:
        # Only later releases look for a footer at the end.
        expected = definition(path)
        assert expected is not None and ours(path) == expected
        return
    with pytest.raises(OSError, match="Invalid argument"):
        imagehash.dhash(Image.open(path))
    with pytest.raises(PictureError) as refusal:
        hash_picture(str(path))
    assert refusal.value.code == "broken"


def test_a_growing_file_is_read_within_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "grows.png"
    scene().save(path)
    expected = hash_picture(str(path))
    calls = []
    real = os.fstat

    def shorter(descriptor: int) -> os.stat_result:
        found = real(descriptor)
        calls.append(found)
        return os.stat_result((*found[:6], 100, *found[7:]))

    monkeypatch.setattr(os, "fstat", shorter)
    assert hash_picture(str(path)) == expected
    assert calls


@pytest.mark.parametrize("suffix", ["tiff", "ppm", "png", "bmp"])
def test_a_large_file_is_read_as_it_is_needed(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"large.{suffix}"
    Image.effect_noise((900, 700), 90).convert("RGB").save(path)
    assert path.stat().st_size > 1 << 20
    assert ours(path) == definition(path)


def test_a_jpeg_cut_in_half_is_called_truncated(tmp_path: Path) -> None:
    KINDS["baseline.jpg"](tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    assert code_of(tmp_path / "a.jpg") == "truncated"


def test_mutated_files_have_the_hash_of_imagehash_or_a_reason(tmp_path: Path) -> None:
    chance = random.Random(11)
    hashed = 0
    for name in sorted(KINDS.keys() - {"large.jpg"}):
        path = tmp_path / name
        KINDS[name](path)
        whole = path.read_bytes()
        for _unused in range(12):
            damaged = bytearray(whole)
            for _unused in range(chance.randrange(1, 6)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            path.write_bytes(damaged)
            found = ours(path)
            hashed += found is not None
            assert found == definition(path), name
    assert hashed > 50


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/dev/zero")
    for path in (tmp_path / "fifo", tmp_path / "folder", tmp_path / "link", "/dev/null"):
        assert code_of(path) == "not-a-file"


def test_a_file_that_becomes_a_fifo_at_the_last_moment_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene().save(tmp_path / "a.png")
    regular = os.stat(tmp_path / "a.png")
    os.mkfifo(tmp_path / "fifo")
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **kw: regular if str(path).endswith("fifo") else real(path, **kw))
    assert code_of(tmp_path / "fifo") == "not-a-file"


@pytest.mark.parametrize(
    ("path", "code"),
    [("gone.png", "missing"), ("file/below.png", "missing"), ("loop", "unreadable"), ("nul\0", "unreadable"),
     ("n" * 5000, "unreadable"), ("empty.png", "empty"), ("text.png", "not-a-picture"), ("page.eps", "not-a-picture")],
)  # fmt: skip
def test_each_reason_has_its_code(path: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture at all")
    (tmp_path / "page.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    assert code_of(tmp_path / path) == code


def test_an_unreadable_file_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene().save(tmp_path / "a.png")

    def refuse(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert code_of(tmp_path / "a.png") == "unreadable"


def test_a_name_that_is_not_unicode_is_accepted(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.png")
    scene().save(tmp_path / "a.png")
    os.rename(tmp_path / "a.png", path)
    assert hash_picture(path).dhash


def test_pixels_are_counted_before_they_are_decoded(tmp_path: Path) -> None:
    scene((30, 20)).save(tmp_path / "a.png")
    assert code_of(tmp_path / "a.png", max_pixels=599) == "too-many-pixels"
    assert hash_picture(str(tmp_path / "a.png"), max_pixels=600).dhash
    header = (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    (tmp_path / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )
    assert code_of(tmp_path / "bomb.png") == "too-many-pixels"


def test_more_pixels_than_pillow_likes_are_hashed_where_allowed(tmp_path: Path) -> None:
    Image.linear_gradient("L").resize((20_000, 9_500)).save(tmp_path / "wide.png", compress_level=1)
    assert hash_picture(str(tmp_path / "wide.png"), max_pixels=200_000_000).dhash == "0" * 16


def test_a_gif_whose_frame_outgrows_its_screen_is_counted_too(tmp_path: Path) -> None:
    scene((8, 8)).quantize(8).save(tmp_path / "a.gif")
    data = bytearray((tmp_path / "a.gif").read_bytes())
    at = data.index(b"\x2c\0\0\0\0")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    (tmp_path / "a.gif").write_bytes(data)
    assert code_of(tmp_path / "a.gif") == "too-many-pixels"


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


@pytest.mark.parametrize("bomb", [b"zTXt", b"iCCP"])
def test_a_compressed_chunk_that_explodes_is_a_bomb(bomb: bytes, tmp_path: Path) -> None:
    scene().save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    exploding = chunk(bomb, b"name\0\0" + zlib.compress(bytes(50_000_000)))
    (tmp_path / "a.png").write_bytes(data[:33] + exploding + data[33:])
    assert code_of(tmp_path / "a.png") == "bomb"


def test_hostile_text_of_an_error_is_made_printable_and_short() -> None:
    error = PictureError("broken", "\x1b[2J" + "x" * 1000 + "\n")
    assert error.text.isprintable()
    assert len(error.text) == 200
