"""Files that are not pictures: each is called what it is, with what helps."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Dict, Tuple

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.dhash import picture
from ansible_collections.mobius.dhash.plugins.module_utils.dhash.content import HEAD, describe
from ansible_collections.mobius.dhash.plugins.module_utils.dhash.picture import PictureError, hash_picture
from ansible_collections.mobius.dhash.tests.support.drawn import scene


def png() -> bytes:
    file = io.BytesIO()
    scene((31, 23)).save(file, "PNG")
    return file.getvalue()


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.png", png())
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("a.png")
        member.size = len(png())
        archive.addfile(member, io.BytesIO(png()))
    return file.getvalue()


def boxes(*brands: bytes) -> bytes:
    body = b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:])
    return (len(body) + 4).to_bytes(4, "big") + body + bytes(64)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16 + b"\nsize 12345\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="8"/></svg>'
S3 = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
CASES: Dict[str, Tuple[bytes, str, str]] = {
    "heic": (boxes(b"heic", b"mif1", b"heic"), "a HEIC picture", "mobius_runtime_heif"),
    "mif1": (boxes(b"mif1", b"mif1", b"heic"), "a HEIC picture", "mobius_runtime_heif"),
    "hevc": (boxes(b"hevc", b"msf1", b"hevc"), "a HEIC picture", "JPEG"),
    "cr3": (boxes(b"crx ", b"crx ", b"isom"), "a camera RAW file", "JPEG"),
    "mp4": (boxes(b"isom", b"isom", b"mp42"), "an MP4 or QuickTime video", "frame"),
    "mov": (boxes(b"qt  "), "an MP4 or QuickTime video", "frame"),
    "webm": (b"\x1a\x45\xdf\xa3" + bytes(60), "a Matroska or WebM video", "frame"),
    "avi": (b"RIFF\x10\0\0\0AVI LIST" + bytes(60), "an AVI video", "frame"),
    "svg": (SVG, "an SVG drawing", "PNG"),
    "svg with a prologue": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- Inkscape -->\n' + SVG, "an SVG drawing", "PNG"),
    "svg in utf-16": (SVG.decode().encode("utf-16"), "an SVG drawing", "PNG"),
    "lfs": (LFS, "a Git LFS pointer", "git lfs pull"),
    "annex": (b"../.git/annex/objects/x/y/SHA256E-s1--a.png/SHA256E-s1--a.png", "a git-annex pointer", "git annex get"),
    "html": (
        b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title>",
        'an HTML page ("404 Not Found")',
        "download",
    ),
    "html without a type": (b"\n\n  <HTML><BODY>Forbidden</BODY></HTML>", "an HTML page", "download"),
    "html behind a comment": (b"<!-- saved from url=(1) -->\n<html><body>x", "an HTML page", "download"),
    "s3": (S3, "an XML document (error AccessDenied)", "download"),
    "xml": (b'<?xml version="1.0"?><dice/>', "an XML document", "replace"),
    "json": (json.dumps({"error": "not found"}).encode(), "a JSON document", "download"),
    "long json": (json.dumps([{"image": "a.png"}] * 1000).encode(), "a JSON document", "download"),
    "zip": (zipped(), "a ZIP archive", "unpack"),
    "tar": (tarred(), "a tar archive", "unpack"),
    "gzip": (gzip.compress(png()), "gzip data", "gunzip"),
    "xz": (b"\xfd7zXZ\0" + bytes(30), "xz data", "unxz"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(30), "zstd data", "unzstd"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(30), "a 7-Zip archive", "unpack"),
    "rar": (b"Rar!\x1a\x07\x01\0" + bytes(30), "a RAR archive", "unpack"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "a PDF document", "PNG"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript (EPS) document", "PNG"),
    "jxl": (b"\xff\x0a" + bytes(30), "a JPEG XL picture", "convert"),
    "jxl in boxes": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(30), "a JPEG XL picture", "convert"),
    "xcf": (b"gimp xcf v011\0", "a GIMP project (XCF)", "PNG"),
    "psb": (b"8BPS\0\x02" + bytes(40), "a large Photoshop document (PSB)", "PNG"),
    "sqlite": (b"SQLite format 3\0" + bytes(90), "an SQLite database", "replace"),
    "appledouble": (b"\0\x05\x16\x07\0\x02\0\0Mac OS X" + bytes(90), "an AppleDouble file", "replace"),
    "ds_store": (b"\0\0\0\x01Bud1" + bytes(90), "a .DS_Store file", "replace"),
    "thumbs.db": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(90), "an Office document or thumbnail", "replace"),
    "vault": (b"$ANSIBLE_VAULT;1.1;AES256\n6231", "an Ansible Vault file", "decrypt"),
    "zeros": (bytes(9000), "only zero bytes", "copy"),
    "blanks": (b" \n\t\n", "only white space", "copy"),
    "base64": (base64.b64encode(png()), "a picture encoded as Base64 text", "base64 -d"),
    "data url": (b"data:image/png;base64," + base64.b64encode(png()), "a picture encoded as Base64", "base64 -d"),
    "http": (b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + png(), "an HTTP response", "download"),
    "behind a blank line": (b"\r\n" + png(), "2 other bytes and then a PNG picture", "remove"),
    "behind a BOM": (b"\xef\xbb\xbf" + png(), "3 other bytes and then a PNG picture", "remove"),
    "text mode": (png().replace(b"\r\n", b"\n"), "a PNG damaged by a transfer in text mode", "binary"),
    "utf-8": (png().decode("utf-8", "replace").encode(), "a PNG damaged by a conversion to UTF-8", "copy"),
    "header": (png()[:10], "a PNG picture with a damaged header", "copy"),
    "jpeg": (b"\xff\xd8\xff\xff", "a JPEG picture with a damaged header", "copy"),
    "text": (b"no picture at all\n", 'plain text ("no picture at all")', "replace"),
    "umlauts": ("ü".encode() * 4000, 'plain text ("üüü', "replace"),
    "noise": (bytes(range(1, 200)), "an unknown format (it begins with 01 02 03", "convert"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_kind_of_a_file_is_named(name: str, tmp_path: Path) -> None:
    data, what, remedy = CASES[name]
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(PictureError) as refusal:
        hash_picture(str(tmp_path / "a.png"))
    assert refusal.value.code == "not-a-picture", refusal.value.text
    # With pillow-heif installed, a HEIC picture without content is a damaged one.
    if "HEIC" in what and "HEIF" in picture.all_formats():
        what, remedy = "a damaged HEIC picture", "copy"
    assert f"the file is {what}" in refusal.value.text
    assert remedy in refusal.value.text
    assert len(refusal.value.text) < 200


@pytest.mark.parametrize(
    ("data", "formats", "what", "remedy"),
    [
        (boxes(b"avif", b"mif1"), ["PNG"], "an AVIF picture", "Pillow 11.3"),
        (boxes(b"avif", b"mif1"), ["AVIF"], "a damaged AVIF picture", "copy"),
        (boxes(b"mif1", b"avif"), ["PNG"], "an AVIF picture", "Pillow 11.3"),
        (boxes(b"heic"), ["PNG"], "a HEIC picture", "mobius_runtime_heif"),
        (boxes(b"heic"), ["HEIF"], "a damaged HEIC picture", "copy"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", ["PNG"], "a WebP picture", "built with WebP"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", ["WEBP"], "a damaged WebP picture", "copy"),
    ],
)
def test_what_helps_depends_on_what_pillow_opens(data: bytes, formats: list, what: str, remedy: str) -> None:
    found = describe(data, len(data), formats)
    assert found.what == what
    assert remedy in found.remedy


def test_anything_is_described() -> None:
    for size in (1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 17, HEAD):
        for start in (b"\0\0\0\x20ftypheic", b"RIFF1234WEBP", b"\xff\xfe<", b"<svg", b"\xc3", b"\x89PNG", b"{", b"MZ"):
            assert describe((start * 2000)[:size], size, []).what
