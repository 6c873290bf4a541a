# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identify a file that Pillow cannot open as a picture, and suggest a remedy.

The signatures come from the formats' specifications, as collected in the file(1) database.
"""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from typing import Collection, NamedTuple, Optional, Tuple

from ..json import load_json

#: Number of bytes at the start of a file that are examined.
HEAD = 4096
_CONVERT = "convert it to PNG or JPEG"
_REPLACE = "replace it with the picture"
_UNPACK = "unpack the picture from it"
_EXPORT = "export it as PNG"
_FRAME = "extract a frame as PNG"
_AGAIN = "copy the picture again"


class Content(NamedTuple):
    """``what`` with its article, for "the file is …"; ``remedy`` as an imperative."""

    what: str
    remedy: str


_BRANDS = {
    "HEIC": re.compile(rb"hei[cxms]|hev[cxms]|mif1|msf1|mif2|heif"),
    "AVIF": re.compile(rb"avi[fs]|avio"),
    "RAW": re.compile(rb"crx "),
}
# Offset, signature (a dot matches any byte), content.
_SIGNATURES: Tuple[Tuple[int, bytes, str, str], ...] = (
    (0, b"%PDF", "a PDF document", _EXPORT),
    (0, b"%!PS", "a PostScript (EPS) document", _EXPORT),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript (EPS) document", _EXPORT),
    (0, b"PK\x03\x04", "a ZIP archive, or a document in one", _UNPACK),
    (0, b"PK\x05\x06", "an empty ZIP archive", _REPLACE),
    (0, b"\x1f\x8b", "gzip data", "unpack it with gunzip"),
    (0, b"BZh", "bzip2 data", "unpack it with bunzip2"),
    (0, b"\xfd7zXZ\0", "xz data", "unpack it with unxz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd data", "unpack it with unzstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", _CONVERT),
    (0, b"\xff\x0a", "a JPEG XL picture", _CONVERT),
    (0, b"II\xbc", "a JPEG XR picture", _CONVERT),
    (0, b"BPG\xfb", "a BPG picture", _CONVERT),
    (0, b"FLIF", "a FLIF picture", _CONVERT),
    (0, b"v/1\x01", "an OpenEXR picture", _CONVERT),
    (0, b"#?RADIANCE", "a Radiance HDR picture", _CONVERT),
    (0, b"\xabKTX ", "a KTX texture", _CONVERT),
    (0, b"gimp xcf", "a GIMP project (XCF)", _EXPORT),
    (0, b"8BPS\0\x02", "a large Photoshop document (PSB)", _EXPORT),
    (0, b"SIMPLE  =", "a FITS file whose data is unusual", _EXPORT),
    (128, b"DICM", "a DICOM file", _EXPORT),
    (0, b"FUJIFILMCCD-RAW", "a camera RAW file", "develop it to JPEG"),
    (0, b"IIRO", "a camera RAW file", "develop it to JPEG"),
    (0, b"IIU\0", "a camera RAW file", "develop it to JPEG"),
    (0, b"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)", _EXPORT),
    (40, b" EMF", "a Windows metafile (EMF)", _EXPORT),
    (0, b"\x1a\x45\xdf\xa3", "a Matroska or WebM video", _FRAME),
    (8, b"AVI ", "an AVI video", _FRAME),
    (0, b"\0\0\x01\xba", "an MPEG video", _FRAME),
    (0, b"\0\0\x01\xb3", "an MPEG video", _FRAME),
    (0, b"FLV\x01", "a Flash video", _FRAME),
    (0, b"0&\xb2u\x8ef\xcf\x11", "a Windows Media file", _FRAME),
    (0, b"OggS", "an Ogg audio or video file", _REPLACE),
    (0, b"ID3", "an MP3 file", _REPLACE),
    (0, b"fLaC", "a FLAC file", _REPLACE),
    (8, b"WAVE", "a WAV file", _REPLACE),
    (0, b"SQLite format 3\0", "an SQLite database", _REPLACE),
    (0, b"\x7fELF", "a program", _REPLACE),
    (0, b"MZ", "a Windows program", _REPLACE),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document or thumbnail database", _REPLACE),
    (0, b"\0\0\0\x01Bud1", "a .DS_Store file of macOS", _REPLACE),
    (0, b"\0\x05\x16\x07", "an AppleDouble file of macOS (._name), not the picture beside it", _REPLACE),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", _EXPORT),
    (0, b"wOFF", "a web font", _REPLACE),
    (0, b"wOF2", "a web font", _REPLACE),
    (0, b"version https://git-lfs.github.com/spec/", "a Git LFS pointer", "fetch the pictures with git lfs pull"),
    (0, b"$ANSIBLE_VAULT;", "an Ansible Vault file", "decrypt it"),
    (0, b"age-encryption.org/", "a file encrypted by age", "decrypt it"),
    (0, b"-----BEGIN PGP", "a file encrypted by PGP", "decrypt it"),
    (0, b"Salted__", "a file encrypted by OpenSSL", "decrypt it"),
    (0, b"HTTP/1.", "an HTTP response with its headers", "download the picture again"),
    (0, b"\x89PNG\n\x1a\n", "a PNG damaged by a transfer in text mode", "copy it again in binary mode"),
    (0, b"\xef\xbf\xbdPNG", "a PNG damaged by a conversion to UTF-8", _AGAIN),
    (0, b"\xc2\x89PNG", "a PNG damaged by a conversion to UTF-8", _AGAIN),
    (0, b"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "a picture damaged by a conversion to UTF-8", _AGAIN),
    (0, b"\xc3\xbf\xc3\x98\xc3\xbf", "a JPEG damaged by a conversion to UTF-8", _AGAIN),
)
# Formats that Pillow supports; such a file is damaged, or has other bytes before the picture.
_PICTURES = {
    "PNG": b"\x89PNG\r\n\x1a\n",
    "JPEG": b"\xff\xd8\xff",
    "GIF": b"GIF8",
    "TIFF": b"II*\0",
    "BMP": b"BM",
    "Photoshop": b"8BPS",
    "QOI": b"qoif",
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
}
_TEXT = re.compile(rb"[^\0-\x08\x0e-\x1a\x1c-\x1f]*")
_TITLE = re.compile(r"<title[^>]*>\s*(.{1,60}?)\s*</title", re.IGNORECASE | re.DOTALL)


def describe(head: bytes, size: int, formats: Collection[str]) -> Content:
    """Describe a file that Pillow could not open.

    :param head: its first :data:`HEAD` bytes, or all of it.
    :param size: its size in bytes.
    :param formats: the names of the formats that Pillow opens here.
    """
    return (
        _zeros(head)
        or _of_boxes(head, formats)
        or _of_signature(head)
        or _webp(head, formats)
        or _picture(head)
        or _of_text(head, size)
        or Content(f"an unknown format (it begins with {head[:8].hex(' ')})", _CONVERT)
    )


def _zeros(head: bytes) -> Optional[Content]:
    return None if head.strip(b"\0") else Content("only zero bytes, perhaps from an interrupted copy", _AGAIN)


def _of_boxes(head: bytes, formats: Collection[str]) -> Optional[Content]:
    """Identify ISO base media files (ISO/IEC 14496-12): the brand distinguishes pictures from videos."""
    if head[4:8] != b"ftyp":
        return None
    end = max(16, min(int.from_bytes(head[:4], "big"), 256))
    major, others = head[8:12], [head[at : at + 4] for at in range(16, end, 4)]
    for brand in (major, *others):
        name = next((name for name, known in _BRANDS.items() if known.fullmatch(brand)), None)
        if name == "HEIC" and _BRANDS["AVIF"].fullmatch(major) is None and b"avif" not in others:
            known = "HEIF" in formats
            return Content(
                "a damaged HEIC picture" if known else "a HEIC picture",
                _AGAIN if known else "set mobius_runtime_heif to true, or convert it to JPEG or PNG",
            )
        if name in ("HEIC", "AVIF"):
            known = "AVIF" in formats
            return Content(
                "a damaged AVIF picture" if known else "an AVIF picture",
                _AGAIN if known else "use Pillow 11.3 or newer with AVIF, or convert it to JPEG or PNG",
            )
        if name == "RAW":
            return Content("a camera RAW file", "develop it to JPEG")
    return Content("an MP4 or QuickTime video", _FRAME)


def _of_signature(head: bytes) -> Optional[Content]:
    for at, signature, what, remedy in _SIGNATURES:
        if head.startswith(signature, at):
            return Content(what, remedy)
    return None


def _webp(head: bytes, formats: Collection[str]) -> Optional[Content]:
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    if "WEBP" in formats:
        return Content("a damaged WebP picture", _AGAIN)
    return Content("a WebP picture", "use a Pillow built with WebP, or convert it to PNG or JPEG")


def _picture(head: bytes) -> Optional[Content]:
    for name, signature in _PICTURES.items():
        if head.startswith(signature):
            return Content(f"a {name} picture with a damaged header", _AGAIN)
    for name in ("PNG", "JPEG"):
        at = head.find(_PICTURES[name])
        if at > 0:
            return Content(f"{at} other bytes and then a {name} picture", "remove what is before the picture")
    return None


def _of_text(head: bytes, size: int) -> Optional[Content]:
    text = _decoded(head)
    if text is None:
        return None
    text = text.lstrip("\ufeff").strip()
    lowered = text[:2048].lower()
    if "<svg" in lowered:
        return Content("an SVG drawing, which has no pixels", _EXPORT)
    if re.match(r"<(!doctype html|html|head|body|title|script|meta)\b", re.sub(r"<!--.*?-->\s*", "", lowered)):
        title = _TITLE.search(text)
        about = f' ("{title[1]}")' if title else ""
        return Content(f"an HTML page{about}, often an error page", "download the picture again")
    if lowered.startswith("<?xml") or re.match(r"<error>", lowered):
        code = re.search(r"<Code>(\w{1,40})</Code>", text)
        about = f" (error {code[1]})" if code else ""
        return Content(f"an XML document{about}", "download the picture again" if code else _REPLACE)
    return _of_plain_text(text, size)


def _of_plain_text(text: str, size: int) -> Content:
    if not text:
        return Content("only white space", _AGAIN)
    if re.match(r"(data:image/[\w.+-]+;base64,)?(iVBORw0KGgo|/9j/|R0lGOD|UklGR)", text):
        return Content("a picture encoded as Base64 text", "decode it with base64 -d")
    if "/annex/objects/" in text[:512]:
        return Content("a git-annex pointer", "fetch the pictures with git annex get")
    if text[0] in "{[" and (size > HEAD or _is_json(text)):
        return Content("a JSON document", "download the picture again")
    return Content(f'plain text ("{" ".join(text[:60].split())[:40]}")', _REPLACE)


def _decoded(head: bytes) -> Optional[str]:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head.decode("utf-16", "replace")
    if _TEXT.fullmatch(head):
        with suppress(UnicodeDecodeError):
            # The head may end within a character.
            return codecs.getincrementaldecoder("utf-8")().decode(head)
    return None


def _is_json(text: str) -> bool:
    with suppress(ValueError):
        load_json(text)
        return True
    return False
