from __future__ import annotations

import os
import random
import resource
import sys
import time
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.dhash.picture import hash_picture
from ansible_collections.mobius.dhash.plugins.module_utils.engine import pool
from ansible_collections.mobius.dhash.plugins.module_utils.engine.pool import Outcome, hash_all
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.tests.support.traps import trap, traps  # noqa: F401  # pylint: disable=unused-import
from PIL import Image

needs_traps = pytest.mark.usefixtures("traps")


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert len(os.listdir("/proc/self/fd")) == before


def draw(path: Path, seed: int) -> str:
    chance = random.Random(seed)
    image = Image.new("L", (24, 24))
    image.putdata([chance.randrange(256) for unused in range(576)])
    image.save(path)
    return str(path)


def drawn(folder: Path, count: int) -> List[str]:
    return [draw(folder / f"{number:04d}.png", number) for number in range(count)]


def outcomes(paths: List[str], **options: object) -> List[Outcome]:
    return list(hash_all(enumerate(paths), **{"workers": 2, **options}))


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
def test_outcomes_are_those_of_single_hashing_in_the_order_of_the_tasks(workers: int, tmp_path: Path) -> None:
    paths = drawn(tmp_path, 150)
    found = outcomes(paths, workers=workers)
    assert [outcome.key for outcome in found] == list(range(150))
    for outcome, path in zip(found, paths):
        assert (outcome.dhash, outcome.confidence, outcome.reasons) == hash_picture(path)
        assert outcome.error is None
        assert outcome.seconds > 0


def test_keys_are_returned_unchanged(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.png", 1)
    key = ("/components/0", object())
    assert next(iter(hash_all([(key, path)]))).key is key


def test_nothing_to_do_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    assert list(hash_all([])) == []


def test_a_failing_picture_has_its_code_and_a_sentence(tmp_path: Path) -> None:
    good = draw(tmp_path / "a.png", 1)
    found = outcomes([good, str(tmp_path / "gone.png"), good])
    assert [outcome.dhash is None for outcome in found] == [False, True, False]
    assert found[1][1:5] == (None, 0.0, ("missing",), "no such file")


@needs_traps
@pytest.mark.parametrize(
    ("command", "code"),
    [("hang", "timeout"), ("deaf", "timeout"), ("crash", "crashed"), ("exit", "crashed"), ("eat", "out-of-memory"),
     ("raise", "broken")],
)  # fmt: skip
@pytest.mark.parametrize("workers", [1, 2])
def test_a_decoder_that_misbehaves_costs_its_picture_alone(
    command: str, code: str, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_GRACE_SECONDS", 0.3)
    paths = drawn(tmp_path, 60)
    paths[7] = trap(tmp_path, command)
    paths[31] = trap(tmp_path, command)
    found = outcomes(paths, workers=workers, image_timeout=0.5, max_memory=1 << 30)
    assert [outcome.key for outcome in found] == list(range(60))
    for number, outcome in enumerate(found):
        if number in (7, 31):
            assert (outcome.dhash, outcome.reasons) == (None, (code,))
            assert outcome.error and outcome.error.isprintable() and len(outcome.error) <= 200
        else:
            assert outcome.dhash == hash_picture(paths[number]).dhash


@needs_traps
def test_a_run_of_crashes_only_ends(tmp_path: Path) -> None:
    found = outcomes([trap(tmp_path, "crash")] * 40)
    assert [outcome.reasons for outcome in found] == [("crashed",)] * 40
    assert "SIGSEGV" in str(found[0].error)


@needs_traps
def test_a_picture_that_hangs_does_not_stop_the_others(tmp_path: Path) -> None:
    finished: List[int] = []
    paths = [trap(tmp_path, "hang"), *drawn(tmp_path, 300)]
    found = outcomes(paths, image_timeout=1.5, on_progress=finished.append)
    assert found[0].reasons == ("timeout",)
    assert found[0].seconds >= 1.4
    # The other worker had done its share, and most of this one's, before the picture was given up.
    assert max(finished) > 150


@needs_traps
def test_a_decoder_that_writes_reaches_neither_stream(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = outcomes([trap(tmp_path, "print")] * 5)
    assert all(outcome.dhash for outcome in found)
    assert capfd.readouterr() == ("", "")


@needs_traps
def test_workers_keep_no_open_file_of_the_parent(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w"):
        outcomes([trap(tmp_path, f"descriptors {tmp_path}/{n}.seen", f"d{n}") for n in range(40)], workers=3)
    seen = [path.read_text() for path in tmp_path.glob("*.seen")]
    assert len(seen) == 40
    for text in seen:
        names = text.splitlines()
        assert not any("lock" in name for name in names)
        assert sum(name.startswith("pipe:") for name in names) == 2


def test_a_picture_over_the_memory_limit_is_reported(tmp_path: Path) -> None:
    Image.new("RGB", (9000, 9000)).save(tmp_path / "large.png", compress_level=1)
    small = draw(tmp_path / "small.png", 1)
    found = outcomes([str(tmp_path / "large.png"), small], max_memory=100 << 20)
    assert found[0].reasons == ("out-of-memory",)
    assert found[1].dhash


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.jp2", "a.avif", "a.gif"])
def test_the_memory_for_the_pixels_allowed_is_enough(name: str, tmp_path: Path) -> None:
    image = Image.linear_gradient("L").rotate(30).resize((3000, 2000)).convert("RGB")
    options = {"a.jpg": {"progressive": True, "subsampling": 0}, "a.avif": {"speed": 10}}
    try:
        image.save(tmp_path / name, **options.get(name, {}))
    except (KeyError, ValueError, OSError):
        pytest.skip("this Pillow does not write it")
    assert outcomes([str(tmp_path / name)], max_pixels=6_000_000)[0].dhash
    assert outcomes([str(tmp_path / name)], max_pixels=5_999_999)[0].reasons == ("too-many-pixels",)


def test_tasks_are_taken_as_they_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_LOOK_AHEAD", 200)
    path = draw(tmp_path / "a.png", 1)
    taken = 0

    def endless() -> Iterator[Tuple[int, str]]:
        nonlocal taken
        while True:
            taken += 1
            yield taken, path

    running = hash_all(endless(), workers=2)
    assert taken == 0
    for given in range(1, 1500):
        assert next(running).key == given
        assert taken - given <= 200 + 1
    running.close()


def test_many_tasks_need_little_memory(tmp_path: Path) -> None:
    path = str(tmp_path / "gone.png")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = sum(1 for unused in hash_all(((number, path) for number in range(60_000)), workers=2))
    assert count == 60_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB


def test_an_error_of_the_source_ends_the_workers(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.png", 1)

    def source() -> Iterator[Tuple[int, str]]:
        for number in range(500):
            yield number, path
        raise RuntimeError("the library ended early")

    with pytest.raises(RuntimeError, match="ended early"):
        list(hash_all(source(), workers=2))


@needs_traps
def test_closing_early_ends_workers_that_hang(tmp_path: Path) -> None:
    paths = [*drawn(tmp_path, 20), *[trap(tmp_path, "hang")] * 90]
    running = hash_all(enumerate(paths), workers=2, image_timeout=600)
    assert next(running).dhash
    started = time.monotonic()
    running.close()
    assert time.monotonic() - started < 60


def test_a_worker_killed_from_outside_is_replaced(tmp_path: Path) -> None:
    paths = drawn(tmp_path, 400)
    running = hash_all(enumerate(paths), workers=2)
    found = [next(running)]
    for name in Path("/proc/self/task").iterdir():
        for child in (name / "children").read_text().split():
            os.kill(int(child), 9)
    found += list(running)
    assert [outcome.key for outcome in found] == list(range(400))
    assert sum(outcome.dhash is None for outcome in found) <= 2
    assert all("was killed" in str(outcome.error) for outcome in found if outcome.dhash is None)


def test_workers_that_never_live_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "serve", lambda *arguments: os._exit(1))
    with pytest.raises(MobiusError, match="die before they hash anything"):
        list(hash_all([(0, str(tmp_path))], workers=2))


def test_a_host_without_room_for_all_workers_uses_those_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.fork, []

    def fork() -> int:
        calls.append(1)
        if len(calls) > 2:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return real()

    monkeypatch.setattr(os, "fork", fork)
    assert all(outcome.dhash for outcome in outcomes(drawn(tmp_path, 200), workers=8))
    assert len(calls) == 3


def test_a_host_without_memory_for_any_process_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    with pytest.raises(MobiusError, match="No hash process can be started"):
        outcomes(drawn(tmp_path, 3))


@pytest.mark.parametrize("options", [{"workers": -1}, {"image_timeout": 0}, {"max_pixels": 0}])
def test_an_invalid_limit_is_refused_at_once(options: dict) -> None:
    with pytest.raises(MobiusError, match="Invalid limits"):
        hash_all([], **options)


def test_pillow_missing_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MobiusError, match=r"-m pip install Pillow"):
        hash_all([])
