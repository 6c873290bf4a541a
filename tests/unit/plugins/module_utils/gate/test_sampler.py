"""One sample against a real server that answers, misbehaves or is down."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.gate.sampler import Sampler
from ansible_collections.mobius.dhash.plugins.module_utils.gate.samples import (
    BAD,
    NOT_OK,
    NOT_REQUESTED,
    OK,
    UNREACHABLE,
)
from ansible_collections.mobius.dhash.plugins.module_utils.http import Access, split_credentials
from ansible_collections.mobius.dhash.tests.support.gate_server import (
    METRICS,
    document,
    drip,
    hang_up,
    in_turn,
    no_http,
    raw,
    serving,
    url_of,
)

HEALTHY = document({"status": "healthy"})


def sample(answers, access=None, metrics=True, paths=None):
    with serving(answers) as server:
        sampler = Sampler(
            url_of(server, "/health"),
            url_of(server, "/metrics") if metrics else None,
            access or Access(timeout=2.0),
            paths,
        )
        return sampler.take(0.0), server.seen


def test_healthy_with_all_metrics():
    taken, _unused = sample({"/health": HEALTHY, "/metrics": document(METRICS)})
    assert taken.good
    assert taken.values == METRICS
    assert taken.at.endswith("Z")


def test_plain_text_health_of_another_service_is_ok():
    taken, _unused = sample({"/health": raw(b"OK")}, metrics=False)
    assert (taken.health, taken.metrics) == (OK, NOT_REQUESTED)
    assert taken.good


@pytest.mark.parametrize(
    "answer, kind, note",
    [
        (document({"status": "unhealthy", "reasons": ["library missing"]}, 503), NOT_OK, "library missing"),
        (document({"status": "unhealthy"}), NOT_OK, "unhealthy"),
        (document({"status": "DOWN"}), NOT_OK, "DOWN"),
        (raw(b"", 404), NOT_OK, "404"),
        (raw(b"", 302, Location="http://127.0.0.1:1/health"), NOT_OK, "not followed"),
        (raw(b"", 204), NOT_OK, "204"),
        (raw(b"{", 200, "application/json"), BAD, "not valid JSON"),
        (raw(b"x" * (4 * 1024 * 1024 + 1)), BAD, "larger than"),
        (no_http, BAD, "not an HTTP response"),
        (hang_up, UNREACHABLE, ""),
    ],
)
def test_health_that_is_not_ok(answer, kind, note):
    taken, _unused = sample({"/health": answer}, metrics=False)
    assert taken.health == kind
    assert note in taken.notes[0]
    assert not taken.good


def test_a_redirect_is_not_followed():
    taken, seen = sample({"/health": raw(b"", 302, Location="/elsewhere"), "/elsewhere": HEALTHY}, metrics=False)
    assert taken.health == NOT_OK
    assert [path for path, _unused in seen] == ["/health"]


def test_a_server_that_drips_is_cut_off():
    taken, _unused = sample({"/health": drip}, Access(timeout=0.3), metrics=False)
    assert taken.health == UNREACHABLE
    assert "within 0.3 s" in taken.notes[0]


def test_nothing_listens():
    taken = Sampler("http://127.0.0.1:1/health", None, Access(timeout=2.0)).take(0.0)
    assert taken.health == UNREACHABLE
    assert "refused" in taken.notes[0]


@pytest.mark.parametrize(
    "answer, kind",
    [(raw(b"<html>"), BAD), (document(METRICS, 503), NOT_OK), (document([1]), BAD), (drip, UNREACHABLE)],
)
def test_metrics_that_are_not_ok(answer, kind):
    taken, _unused = sample({"/health": HEALTHY, "/metrics": answer}, Access(timeout=0.5))
    assert (taken.health, taken.metrics) == (OK, kind)
    assert not taken.good


def test_nan_is_bad_and_null_is_missing():
    body = json.dumps({**METRICS, "avg_hash_time": float("nan"), "p95_hash_time": None}).encode()
    taken, _unused = sample({"/health": HEALTHY, "/metrics": raw(body, 200, "application/json")})
    assert taken.bad == ("avg_hash_time",)
    assert taken.missing == ("p95_hash_time",)
    assert taken.has(BAD)
    assert not taken.good


def test_headers_and_credentials_are_sent_and_never_shown():
    def wants(handler):
        right = (
            handler.headers["X-Token"] == "planted-1"
            and handler.headers["Authorization"] == "Basic Ym9iOnBsYW50ZWQtMg=="
        )
        handler.send(b'{"status": "ok"}' if right else b'{"status": "no"}', 200 if right else 401)

    with serving({"/health": wants}) as server:
        url = url_of(server, "/health").replace("http://", "http://bob:planted-2@")
        refused = Sampler(url, None, Access()).take(0.0)
        taken = Sampler(url, None, Access(headers={"X-Token": "planted-1"})).take(0.0)
    assert refused.health == NOT_OK
    assert taken.good
    assert "planted" not in repr(taken.as_dict()) + repr(refused.as_dict())


def test_a_header_that_cannot_be_sent_does_not_show_its_value():
    taken = Sampler("http://127.0.0.1:1/health", None, Access(headers={"X": "planted\r\nY: 1"})).take(0.0)
    assert taken.health == BAD
    assert "planted" not in repr(taken)


@pytest.mark.parametrize(
    "url", ["", "ftp://h/x", "file:///etc/passwd", "http://", "http://h:99999/", "http://h/a b", "x"]
)
def test_unusable_urls_are_refused(url):
    with pytest.raises(MobiusError):
        split_credentials(url)


def test_a_refused_url_does_not_show_its_password():
    with pytest.raises(MobiusError) as caught:
        split_credentials("ftp://bob:planted@h/x")
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    "url, bare", [("http://a:b@h:80/x?q=1", "http://h:80/x?q=1"), ("https://[::1]:5/", "https://[::1]:5/")]
)
def test_locate_keeps_everything_but_the_credentials(url, bare):
    assert split_credentials(url).url == bare


def test_an_environment_proxy_is_left_aside_unless_wanted(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert sample({"/health": HEALTHY}, metrics=False)[0].good
    assert sample({"/health": HEALTHY}, Access(use_proxy=True), metrics=False)[0].health == UNREACHABLE


def test_the_metrics_of_one_response_do_not_leak_into_the_next():
    with serving({"/health": HEALTHY, "/metrics": in_turn(document(METRICS), raw(b"<html>"))}) as server:
        sampler = Sampler(url_of(server, "/health"), url_of(server, "/metrics"), Access())
        assert sampler.take(0.0).values == METRICS
        assert sampler.take(1.0).values == {}


# ---- TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """(folder with server.pem and client.pem, each certificate and key, each its own authority)"""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("tls")
    for name in ("server", "client"):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ) + certificate.public_bytes(serialization.Encoding.PEM)
        (folder / f"{name}.pem").write_bytes(pem)
    return folder


def take_over_tls(certificates, access, client_needed=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem")
    if client_needed:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates / "client.pem")
    with serving({"/health": HEALTHY}, context) as server:
        return Sampler(url_of(server, "/health", "https"), None, access).take(0.0)


def test_an_untrusted_certificate_is_refused(certificates):
    taken = take_over_tls(certificates, Access())
    assert taken.health == UNREACHABLE
    assert "certificate rejected" in taken.notes[0]


def test_a_named_authority_is_trusted(certificates):
    assert take_over_tls(certificates, Access(ca_path=str(certificates / "server.pem"))).good


def test_verification_can_be_turned_off(certificates):
    assert take_over_tls(certificates, Access(validate_certs=False)).good


def test_a_client_certificate(certificates):
    trusted = {"ca_path": str(certificates / "server.pem")}
    assert take_over_tls(certificates, Access(**trusted), client_needed=True).health in (UNREACHABLE, BAD)
    with_one = Access(client_cert=str(certificates / "client.pem"), **trusted)
    assert take_over_tls(certificates, with_one, client_needed=True).good


def test_a_certificate_file_that_is_not_there(tmp_path):
    with pytest.raises(MobiusError, match="No such certificate file"):
        Sampler("https://127.0.0.1:1/", None, Access(ca_path=str(tmp_path / "none.pem")))
