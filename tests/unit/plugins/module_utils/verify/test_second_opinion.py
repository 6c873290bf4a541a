"""A sample of the pictures, hashed again by another program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.verify import second_opinion
from ansible_collections.mobius.dhash.tests.support.placed import HASH, migrated
from ansible_collections.mobius.dhash.tests.support.places import COLLECTIONS
from PIL import Image, __version__


def drawn(folder, name, turn=1):
    image = Image.new("L", (64, 64))
    image.putdata([(turn * (x * 5 + y * 3)) % 256 for y in range(64) for x in range(64)])
    (folder / "images").mkdir(exist_ok=True)
    image.save(folder / "images" / name)


def reference(folder, name):
    import imagehash

    with Image.open(folder / "images" / name) as image:
        return str(imagehash.dhash(image))


@pytest.fixture
def pictured(place):
    items = []
    for number in range(10):
        name = f"{number}.png"
        drawn(place.folder, name, number + 1)
        items.append(migrated(image=f"/{name}", dhash=reference(place.folder, name)))
    place.write({"components": items})
    place.items = items
    place.options = {"image_root": str(place.folder / "images")}
    return place


@pytest.mark.parametrize(("size", "sampled"), [(1, 1), (4, 4), (10, 10), (99, 10)])
def test_a_sample_is_hashed_again_by_imagehash(pictured, size, sampled):
    result = pictured.verify(sample=size, **pictured.options)
    assert (result["valid"], result["sampled"]) == (True, sampled)
    assert result["second_opinion"].startswith("ImageHash 4.")


# In an interpreter that has nothing loaded yet. What the process of each picture imports is written to a file.
ALONE = """
import os, sys
from ansible_collections.mobius.dhash.plugins.module_utils.engine import isolated
from ansible_collections.mobius.dhash.plugins.module_utils.verify.verify import Request, verify

serve = isolated._serve
def watched(call, *more):
    before = set(sys.modules)
    def watched_call():
        result = call()
        open(sys.argv[2], "a").write("".join(f"{name}\\n" for name in set(sys.modules) - before))
        return result
    # Without the limit on written files.
    isolated.resource.setrlimit = lambda *limit: None
    serve(watched_call, *more)
isolated._serve = watched
result = verify(Request(path=sys.argv[1], image_root=sys.argv[3], sample=10))
assert result["valid"] and result["second_opinion"].startswith("ImageHash"), result
print(len(os.listdir("/proc/self/task")))
"""


def test_the_processes_of_the_pictures_find_loaded_what_they_need(pictured, tmp_path):
    command = [
        sys.executable,
        "-B",
        "-c",
        ALONE,
        str(pictured.path),
        str(tmp_path / "imported"),
        pictured.options["image_root"],
    ]
    environment = {**os.environ, "PYTHONPATH": COLLECTIONS}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    # One thread: those of NumPy would take CPU from the hashing, and cannot be forked.
    assert (done.stdout, done.stderr) == ("1\n", "")
    imported = (tmp_path / "imported").read_text().split()
    assert [name for name in imported if name.partition(".")[0] in ("PIL", "imagehash", "numpy")] == []


@pytest.mark.parametrize("harm", ["crash", "hang", "exhaust", "raise"])
def test_one_picture_that_ends_its_process_costs_no_other_its_dhash(pictured, monkeypatch, harm):
    """It shares the process with the others at first."""
    honest = second_opinion._by_imagehash("4.3.2")
    parent = os.getpid()

    def harmful(path, pixels):
        assert os.getpid() != parent
        if path.endswith("4.png"):
            if harm == "crash":
                os.kill(os.getpid(), signal.SIGKILL)
            if harm == "hang":
                time.sleep(60)
            if harm == "exhaust":
                bytearray(8 << 30)
            raise ValueError
        return honest[1](path, pixels)

    monkeypatch.setattr(second_opinion, "_by_imagehash", lambda _version: (honest[0], harmful))
    result = pictured.verify(sample=10, image_timeout=0.5, **pictured.options)
    assert [(problem["kind"], problem["pointer"]) for problem in result["problems"]] == [("picture", "/components/4")]


def test_pictures_that_take_long_share_no_time_limit(pictured, monkeypatch):
    honest = second_opinion._by_imagehash("4.3.2")

    def slow(path, pixels):
        time.sleep(0.2)
        return honest[1](path, pixels)

    monkeypatch.setattr(second_opinion, "_by_imagehash", lambda _version: (honest[0], slow))
    assert pictured.verify(sample=10, image_timeout=0.6, **pictured.options)["valid"]


def test_ten_pictures_have_one_process(pictured, monkeypatch):
    forks = []
    fork = os.fork
    monkeypatch.setattr(os, "fork", lambda: forks.append(1) or fork())
    assert pictured.verify(sample=10, **pictured.options)["valid"]
    assert len(forks) == 1


def test_a_wrong_dhash_is_found(pictured):
    wrong = f"{int(pictured.items[7]['dhash'], 16) ^ 5:016x}"
    pictured.items[7]["dhash"] = wrong
    pictured.write({"components": pictured.items})
    (problem,) = pictured.verify(sample=10, **pictured.options)["problems"]
    assert (problem["kind"], problem["severity"], problem["pointer"]) == ("second-opinion", "error", "/components/7")
    assert wrong in problem["message"] and "2 bits apart" in problem["message"]


def test_another_pillow_may_differ_by_a_few_bits(pictured):
    pictured.items[1]["dhash"] = f"{int(pictured.items[1]['dhash'], 16) ^ 5:016x}"
    pictured.items[2]["dhash"] = f"{int(pictured.items[2]['dhash'], 16) ^ 0xFFFFFF:016x}"
    block = {"items": 10, "with_dhash": 10, "pillow": "9.5.0"}
    pictured.write({"components": pictured.items, "dhash_migration": block})
    found = pictured.verify(sample=10, **pictured.options)["problems"]
    assert [(problem["pointer"][-1], problem["severity"]) for problem in found] == [("2", "error"), ("1", "warning")]
    assert "9.5.0" in found[0]["message"] and __version__ in found[0]["message"]


def test_a_picture_that_is_gone_broken_or_outside_cannot_be_hashed_again(pictured):
    images = pictured.folder / "images"
    (images / "0.png").unlink()
    (images / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    pictured.items[2]["image"] = "../2.png"
    pictured.items[3]["image"] = None
    pictured.write({"components": pictured.items})
    result = pictured.verify(sample=10, **pictured.options)
    assert [(problem["kind"], problem["pointer"]) for problem in result["problems"]] == [
        ("picture", f"/components/{number}") for number in range(4)
    ]


def test_without_imagehash_the_result_reports_that_there_is_no_second_opinion(pictured, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagehash", None)
    pictured.items[7]["dhash"] = HASH
    pictured.write({"components": pictured.items})
    result = pictured.verify(sample=10, **pictured.options)
    assert result["second_opinion"] == second_opinion.LEAN and result["sampled"] == 10
    assert [problem["pointer"] for problem in result["problems"]] == ["/components/7"]


def test_without_pillow_a_sample_names_the_command(pictured, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MobiusError, match="pip install"):
        pictured.verify(sample=1, **pictured.options)
    assert pictured.verify()["valid"]


def test_a_sample_needs_an_image_root_and_is_not_negative(place):
    place.write([migrated()])
    for options in ({"sample": 1}, {"sample": -1, "image_root": "/"}):
        with pytest.raises(MobiusError):
            place.verify(**options)
