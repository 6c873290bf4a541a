"""Decoder accelerators are loaded before the processes fork, and each process has its own."""

from __future__ import annotations

import imagehash
import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.dhash import jpeg, shrink
from ansible_collections.mobius.dhash.plugins.module_utils.engine.pool import hash_all
from PIL import Image


def test_no_worker_decodes_into_the_memory_of_another(tmp_path):
    pytest.importorskip("simplejpeg")
    noise = Image.effect_noise((900, 700), 120).convert("RGB")
    paths = []
    for number in range(60):
        path = tmp_path / f"{number}.jpg"
        noise.rotate(6 * number).save(path, quality=90)
        paths.append(str(path))
    assert shrink.load()
    assert jpeg.load()
    try:
        found = [outcome.dhash for outcome in hash_all(enumerate(paths), workers=4)]
    finally:
        jpeg.forget()
    expected = []
    for path in paths:
        with Image.open(path) as image:
            expected.append(str(imagehash.dhash(image)))
    assert found == expected
