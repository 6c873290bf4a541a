"""One request within bounds; a proxy in the way is named."""

from __future__ import annotations

import gzip
import zlib

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.http import (
    Access,
    InvalidResponse,
    NoResponse,
    build_opener,
    get,
    proxy_note,
    split_credentials,
)
from ansible_collections.mobius.dhash.tests.support.gate_server import raw, serving, url_of

DEAD = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def fetch(url, **options):
    access = Access(timeout=2.0, **options)
    return get(build_opener(access, url), url, access)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"hello", mtime=0), "gzip"),
        (zlib.compress(b"hello"), "deflate"),
        (gzip.compress(b"hello", mtime=0), "X-GZIP"),
    ],
)
def test_a_compressed_body_is_decompressed(body, encoding):
    with serving({"/": raw(body, **{"Content-Encoding": encoding})}) as server:
        assert fetch(url_of(server, "/")).body == b"hello"


def test_a_compressed_body_is_within_the_limit_of_size():
    large = raw(gzip.compress(b"x" * 100_000), **{"Content-Encoding": "gzip"})
    with serving({"/": large}) as server, pytest.raises(InvalidResponse, match="larger than 1000 bytes"):
        fetch(url_of(server, "/"), max_body=1000)


def test_a_body_that_is_not_what_it_claims():
    plain = raw(b"plain", **{"Content-Encoding": "gzip"})
    with serving({"/": plain}) as server, pytest.raises(InvalidResponse, match="not valid gzip"):
        fetch(url_of(server, "/"))


def test_no_tls_is_set_up_for_http(tmp_path):
    broken = tmp_path / "broken.pem"
    broken.write_text("this is not a certificate")
    build_opener(Access(ca_path=str(broken)), "http://127.0.0.1/")
    with pytest.raises(MobiusError, match="Invalid certificate file"):
        build_opener(Access(ca_path=str(broken)), "https://127.0.0.1/")


def test_a_url_that_is_refused_is_shown_without_its_secrets():
    with pytest.raises(MobiusError) as caught:
        split_credentials("ftp://bob:planted@host/x?token=planted")
    assert "planted" not in str(caught.value) and "host/x" in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"http_proxy": f"http://{DEAD}"}, [f"through the proxy {DEAD} of http_proxy", "add 127.0.0.1 to no_proxy"]),
        ({"HTTP_PROXY": f"http://{DEAD}/"}, [f"through the proxy {DEAD} of"]),
        ({"http_proxy": DEAD}, [f"through the proxy {DEAD} of"]),
        ({"http_proxy": f"http://bob:planted@{DEAD}"}, [f"through the proxy {DEAD} of"]),
        (
            {"http_proxy": f"http://{DEAD}", "no_proxy": "10.0.0.0/8, 127.0.0.0/8,localhost"},
            [f"the proxy {DEAD}", "no_proxy lists 127.0.0.0/8, which Python ignores: add 127.0.0.1 itself"],
        ),
        ({"http_proxy": f"http://{DEAD}", "NO_PROXY": "127.0.0.*"}, ["no_proxy lists 127.0.0.*, which Python ignores"]),
        ({"http_proxy": f"socks5://{DEAD}"}, [f"through the proxy {DEAD} of"]),
    ],
)
def test_a_proxy_in_the_way_is_named(environment, words, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with serving({"/": raw(b"hello")}) as server:
        url = url_of(server, "/")
        with pytest.raises((NoResponse, InvalidResponse)) as caught:
            fetch(url, use_proxy=True)
        assert fetch(url).body == b"hello"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert fetch(url, use_proxy=True).body == b"hello"
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "planted" not in str(caught.value)


def test_a_tunnel_that_a_proxy_refuses_is_described(monkeypatch):
    with serving({}) as proxy:
        proxy.answers = {}
        monkeypatch.setenv("https_proxy", url_of(proxy, ""))
        with pytest.raises(NoResponse, match=r"Tunnel connection failed: 501 .*through the proxy 127.0.0.1:"):
            fetch("https://service.example/", use_proxy=True)


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        ("http://host/", {}),
        ("http://host/", {"https_proxy": "http://p:1"}),
        ("http://host/", {"http_proxy": "http://p:1", "no_proxy": "*"}),
        ("http://host.example.org/", {"http_proxy": "http://p:1", "no_proxy": ".example.org"}),
        ("http://host:81/", {"http_proxy": "http://p:1", "no_proxy": "host:81"}),
    ],
)
def test_no_proxy_is_named_where_none_is_used(url, environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_note(url, Access(use_proxy=True)) == ""
    assert proxy_note(url, Access()) == ""


def test_a_network_may_have_been_meant_for_a_name(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://p:1")
    monkeypatch.setenv("no_proxy", "10.0.0.0/8")
    assert "no_proxy lists 10.0.0.0/8" in proxy_note("http://host/", Access(use_proxy=True))
    assert "add 192.0.2.1 to no_proxy" in proxy_note("http://192.0.2.1/", Access(use_proxy=True))
