from __future__ import annotations

import csv
import io
import json
import random
import re
from itertools import combinations

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.duplicates import grouping, pairs
from ansible_collections.mobius.dhash.plugins.module_utils.duplicates.find import find
from ansible_collections.mobius.dhash.plugins.module_utils.duplicates.model import Request
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

A, B, C = "0f1e2d3c4b5a6978", "0f1e2d3c4b5a697b", "0f1e2d3c4b5a698b"
ZERO = "0" * 16


def library(folder, *pairs, **members):
    """A library of items with (image, dHash); returns its path."""
    items = [{"image": image, "dhash": dhash, "dhash_confidence": 0.9} for image, dhash in pairs]
    path = folder / "library.json"
    path.write_text(json.dumps({"components": items, **members}))
    return str(path)


def pointers(result):
    return [
        (group["distance"], [member["pointer"].rpartition("/")[2] for member in group["members"]])
        for group in result["groups"]
    ]


def bits(one, other):
    return bin(int(one, 16) ^ int(other, 16)).count("1")


def test_exact_groups_hold_every_item_of_a_hash_with_two_files(tmp_path):
    path = library(tmp_path, ("a.png", A), ("b.png", A), ("c.png", B), ("d.png", C), ("e.png", A))
    result = find(Request(path))
    assert pointers(result) == [(0, ["0", "1", "4"])] and result["pairs"] == 3
    assert result["groups"][0]["members"][0] == {"pointer": "/components/0", "image": "a.png", "dhash": A}
    assert (result["item_count"], result["compared"], result["changed"]) == (5, 5, False)


def test_near_groups_follow_the_exact_ones(tmp_path):
    assert (bits(A, B), bits(B, C), bits(A, C)) == (2, 4, 6)
    path = library(tmp_path, ("a.png", A), ("b.png", A), ("c.png", B))
    result = find(Request(path, distance=2))
    assert pointers(result) == [(0, ["0", "1"]), (2, ["0", "1", "2"])] and result["pairs"] == 3
    assert pointers(find(Request(path, distance=1))) == [(0, ["0", "1"])]


def test_any_two_of_a_group_are_near_and_none_is_lost_of_a_chain(tmp_path):
    path = library(tmp_path, ("a.png", A), ("b.png", B), ("c.png", C))
    result = find(Request(path, distance=4))
    assert pointers(result) == [(2, ["0", "1"]), (4, ["1", "2"])] and result["pairs"] == 2


def test_flat_pictures_are_listed_separately(tmp_path):
    path = library(tmp_path, ("a.png", ZERO), ("b.png", ZERO), ("c.png", "0000000000000001"))
    result = find(Request(path, distance=3))
    assert (result["groups"], result["pairs"]) == ([], 0)
    assert [member["image"] for member in result["flat"]] == ["a.png", "b.png"] and result["flat_count"] == 2


SPELLINGS = ["a/b.png", "./a/b.png", "a//b.png", "/a/b.png", "a/x/../b.png", "ROOT/a/b.png"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_file_of_several_items_is_no_duplicate(tmp_path, spelling):
    path = library(tmp_path, ("a/b.png", A), (spelling.replace("ROOT", str(tmp_path / "images")), A), ("c.png", C))
    result = find(Request(path, distance=3, image_root=str(tmp_path / "images")))
    assert (result["groups"], result["pairs"]) == ([], 0)
    assert [len(each["members"]) for each in result["same_file"]] == [2] and result["same_file_count"] == 1


def test_items_of_one_file_are_all_in_its_group(tmp_path):
    path = library(tmp_path, ("a.png", A), ("a.png", A), ("b.png", A))
    result = find(Request(path))
    assert pointers(result) == [(0, ["0", "1", "2"])] and result["pairs"] == 1 and result["same_file_count"] == 1


def test_a_file_with_two_hashes_counts_once(tmp_path):
    # What a migration leaves that hashes only what is missing: the same file, an older hash.
    path = library(tmp_path, ("a.png", A), ("a.png", B), ("b.png", A), ("c.png", B))
    assert find(Request(path, distance=0))["pairs"] == 2
    assert find(Request(path, distance=2))["pairs"] == 3


def test_what_cannot_be_compared_is_counted(tmp_path):
    path = tmp_path / "library.json"
    odd = [{"dhash": A}, {"image": 7, "dhash": A}, {"image": "a.png"}, {"image": "b.png", "dhash": "x"}, "text"]
    path.write_text(json.dumps([*odd, {"image": "c.png", "dhash": A}]))
    result = find(Request(str(path)))
    assert (result["item_count"], result["compared"], result["groups"]) == (5, 1, [])
    assert "2 items have a dHash but no image" in result["warnings"][0]


@pytest.mark.parametrize("distance", [-1, 11, 64])
def test_a_distance_out_of_range_is_refused(tmp_path, distance):
    with pytest.raises(MobiusError, match="Invalid distance"):
        find(Request(library(tmp_path, ("a.png", A)), distance=distance))


def test_the_library_and_folders_are_no_place_to_write(tmp_path):
    path = library(tmp_path, ("a.png", A))
    for dest in (path, str(tmp_path), f"{path}.bak.20240924T160000Z", str(tmp_path / ".library.json.dhash" / "x")):
        with pytest.raises(MobiusError):
            find(Request(path, dest=dest))


def test_selectors_and_keys(tmp_path):
    path = tmp_path / "library.json"
    games = [{"parts": [{"pic": "a.png", "dhash": A}]}, {"parts": [{"pic": "b.png", "dhash": A}]}]
    path.write_text(json.dumps({"games": games}))
    result = find(Request(str(path), items=["games[].parts[]"], image_key="pic"))
    assert [member["pointer"] for member in result["groups"][0]["members"]] == ["/games/0/parts/0", "/games/1/parts/0"]


def generated(rng, count):
    centers = [rng.getrandbits(64) for _unused in range(4)] + [0]
    rows = []
    for _unused in range(count):
        value = rng.choice(centers)
        for _unused in range(rng.choice([0, 0, 1, 2, 4, 7])):
            value ^= 1 << rng.randrange(64)
        rows.append((f"{rng.randrange(count)}.png", f"{value:016x}"))
    return rows


def brute_pairs(rows, distance):
    named = [(image, dhash) for image, dhash in rows if dhash != ZERO]
    near = {
        frozenset((one, other))
        for (one, first), (other, second) in combinations(named, 2)
        if one != other and bits(first, second) <= distance
    }
    return len(near)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(0, 10), st.booleans())
def test_pairs_and_groups_are_what_comparing_all_gives(tmp_path_factory, seed, distance, plain):
    rng = random.Random(seed)
    rows = generated(rng, rng.randrange(2, 80))
    with pytest.MonkeyPatch.context() as patch:
        if plain:
            patch.setattr(pairs, "numpy", None)
        result = find(Request(library(tmp_path_factory.mktemp("x"), *rows), distance=distance))
    assert result["pairs"] == brute_pairs(rows, distance)
    # Every two members are within the group's distance, and that is not more than was requested.
    for group in result["groups"]:
        hashes = {member["dhash"] for member in group["members"]}
        assert max((bits(*two) for two in combinations(hashes, 2)), default=0) == group["distance"] <= distance
        assert len({member["image"] for member in group["members"]}) > 1 or len(hashes) > 1
    # Every item with a duplicate is in a group, and no other.
    with_near = {
        f"/components/{number}"
        for (number, (image, dhash)), (_unused, (other, second)) in (
            (one, two) for one in enumerate(rows) for two in enumerate(rows)
        )
        if ZERO not in (dhash, second) and bits(dhash, second) <= distance and (image != other or dhash != second)
    }
    listed = {member["pointer"] for group in result["groups"] for member in group["members"]}
    assert with_near == listed


def test_too_many_pairs_are_counted_all_and_grouped_by_the_nearest(tmp_path, monkeypatch):
    rows = [(f"{bit}.png", f"{(1 << bit) | 0xFF << 56:016x}") for bit in range(40)]
    monkeypatch.setattr(grouping.near_groups, "__defaults__", (10,))
    result = find(Request(library(tmp_path, *rows), distance=2))
    assert result["pairs"] == 40 * 39 // 2 and "too many to group" in result["warnings"][0]


HOSTILE = [
    ("<script>alert(1)</script>\"'.png", A),
    ('=HYPERLINK("http://x").png', A),
    ("\x1b[31mred\u202e.png", A),
    ("\ud800.png", B),
    ("http://me:secret@host/x.png", B),
    ("x" * 10_000 + ".png", B),
    ("$policy ${title} {{ 7 * 7 }}.png", ZERO),
    ("@sum", ZERO),
]


def test_text_of_a_library_stays_text_in_every_format(tmp_path):
    path = library(tmp_path, *HOSTILE)
    for form in ("html", "csv", "json"):
        result = find(Request(path, distance=3, dest=str(tmp_path / f"out.{form}"), format=form))
        assert result["changed"] and json.dumps(result).encode("utf-8")
    page = (tmp_path / "out.html").read_text()
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert page.replace("\n", "").isprintable() and "secret" not in page and "$policy ${title}" in page
    text = (tmp_path / "out.csv").read_bytes().decode("utf-8")
    assert text.replace("\r\n", "").isprintable() and "secret" not in text
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {row[0] for row in rows[1:]} == {"near", "exact", "flat"} and "'@sum" in {row[4] for row in rows}
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert (tmp_path / "out.json").read_bytes().isascii()
    images = {member["image"] for group in document["groups"] for member in group["members"]}
    assert HOSTILE[0][0] in images and "\ud800.png" in images


def test_a_file_is_written_once_and_not_in_check_mode(tmp_path):
    request = Request(library(tmp_path, ("a.png", A), ("b.png", A)), dest=str(tmp_path / "out.html"))
    assert find(request, check_mode=True)["changed"] and not (tmp_path / "out.html").exists()
    assert find(request)["changed"] and not find(request)["changed"]
    (tmp_path / "out.html").chmod(0o600)
    assert find(request)["changed"] and (tmp_path / "out.html").stat().st_mode & 0o777 == 0o640


def test_the_page_shows_pictures_side_by_side_and_links_to_the_service(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        Image.new("RGB", (90, 80), (200, 10, 10)).save(tmp_path / name)
    rows = [("a.png", A), ("b.png", A), ("c.png", B), ("../d.png", B)]
    request = Request(
        library(tmp_path, *rows),
        distance=2,
        dest=str(tmp_path / "out.html"),
        include_images=True,
        service_url="http://me:secret@127.0.0.1:5001/",
    )
    find(request)
    page = (tmp_path / "out.html").read_text()
    assert page.count("<img ") == 6 and "image not available" in page and "secret" not in page
    assert f'href="http://127.0.0.1:5001/similar?dhash={A}&amp;distance=2"' in page
    assert 'class="differ"' in page and "2 bits from the first" in page
    assert not re.search(r"(?:src|href)=\"(?!data:image/webp|data:image/png|data:image/jpeg|#|http://127)", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy and "script-src 'none'" in policy.group(1) and "unsafe" not in policy.group(1)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "", "ftp://x", "//host"])
def test_only_http_addresses_become_links(tmp_path, url):
    rows = [("a.png", A), ("b.png", A)]
    find(Request(library(tmp_path, *rows), dest=str(tmp_path / "out.html"), service_url=url))
    assert "href" not in (tmp_path / "out.html").read_text().replace('href="#main"', "")
