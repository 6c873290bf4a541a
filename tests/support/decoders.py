"""The result of a file with one of the engine's decoders, and with Pillow alone."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Tuple, Union

from ansible_collections.mobius.dhash.plugins.module_utils.dhash.picture import PictureError, hash_picture
from PIL import Image


def outcome(path: Path) -> Union[tuple, str]:
    try:
        return tuple(hash_picture(str(path)))
    except PictureError as error:
        return error.code


def both(decoder: ModuleType, data: bytes, path: Path) -> Tuple[object, object]:
    """With the decoder, and without it."""
    path.write_bytes(data)
    first = outcome(path)
    decoder.forget()
    second = outcome(path)
    assert decoder.load()
    return first, second


def direct(decoder: ModuleType, data: bytes, path: Path) -> bool:
    """Whether the decoder takes it; then its pixels are compared with Pillow's."""
    path.write_bytes(data)
    with path.open("rb") as stream, Image.open(stream) as image:
        position = stream.tell()
        found = decoder.decode(image, stream)
        assert stream.tell() == position
        if found is None:
            return False
        assert found.convert("RGB").tobytes() == image.convert("RGB").tobytes()
        assert found.convert("L").tobytes() == image.convert("L").tobytes()
        assert found.size == image.size
    return True
