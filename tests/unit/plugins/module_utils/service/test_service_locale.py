"""The service finds its library whatever the locale."""

from __future__ import annotations

from typing import Dict

import pytest
from ansible_collections.mobius.dhash.tests.support.locales import ASCII, latin1
from ansible_collections.mobius.dhash.tests.support.running import LIBRARY, write


@pytest.mark.parametrize("locale", ["latin1", "ascii"])
def test_the_name_of_the_library_is_utf8(start, tmp_path, monkeypatch: pytest.MonkeyPatch, locale: str) -> None:
    environment: Dict[str, str] = ASCII if locale == "ascii" else {**latin1(tmp_path), "PYTHONUTF8": "0"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "Bücherei-日本"
    folder.mkdir()
    write(folder / "library.json", LIBRARY)
    service = start(library_path=str(folder / "library.json"), log_file=str(folder / "Protokoll-é.log"))
    status, document = service.settled()
    assert status == 200, document
    assert (folder / "Protokoll-é.log").exists()
