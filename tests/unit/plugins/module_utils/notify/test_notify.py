"""One message to real servers; a failing channel affects only itself."""

from __future__ import annotations

import json
import re
import ssl
import subprocess

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.notify.forms import as_json, as_mail, as_slack, as_teams
from ansible_collections.mobius.dhash.plugins.module_utils.notify.message import Message
from ansible_collections.mobius.dhash.plugins.module_utils.notify.send import notify
from ansible_collections.mobius.dhash.tests.support.gate_server import document, drip, raw, serving, url_of
from ansible_collections.mobius.dhash.tests.support.mail_server import PASSWORD, mailing
from hypothesis import given
from hypothesis import strategies as st

MESSAGE = Message.of(
    "rollback",
    "games-1 was\nrolled back",
    "p95 was 300 ms\nsee https://user:hunter2@host/x",
    "2024-09-24T16:00:00Z",
    {"deployment": "20240924T160000Z-1a2b3c", "hosts": ["games-1"], "token": "password=hunter2"},
)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, str(folder / "cert.pem")


def accept(received):
    def answer(handler):
        received.append((json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))), dict(handler.headers)))
        handler.send(b"ok")

    return answer


@pytest.fixture
def hook():
    received = []
    answers = {
        "/hook": accept(received),
        "/refuses": document({"error": "no"}, 500),
        "/elsewhere": raw(b"", 302, Location="http://127.0.0.1:1/"),
        "/drips": drip,
    }
    with serving(answers) as server:
        server.received = received
        yield server


def sent(*channels, **options):
    return notify(MESSAGE, channels, **{"timeout": 1.0, **options})


def mail_channel(server, **changes):
    channel = {
        "type": "email",
        "host": "127.0.0.1",
        "port": server.server_address[1],
        "security": "none",
        "sender": "deploy@example.org",
        "to": ["oncall@example.org"],
    }
    return {**channel, **changes}


def test_each_kind_of_webhook_gets_its_own_document(hook):
    url = url_of(hook, "/hook")
    result = sent(*({"type": kind, "url": url} for kind in ("webhook", "slack", "teams")), timeout=5.0)
    assert [each["sent"] for each in result["channels"]] == [True, True, True]
    (generic, headers), (slack, _unused), (teams, _unused) = hook.received
    assert headers["Content-Type"] == "application/json"
    assert generic["event"] == "rollback"
    assert generic["subject"] == "games-1 was rolled back"
    assert generic["facts"]["deployment"] == "20240924T160000Z-1a2b3c"
    assert slack["text"].startswith("*games-1 was rolled back*\np95 was 300 ms")
    card = teams["attachments"][0]["content"]
    assert card["type"] == "AdaptiveCard"
    assert card["body"][0]["inlines"][0]["text"] == "games-1 was rolled back"
    assert "hunter2" not in json.dumps(hook.received)


def test_headers_and_basic_authentication_are_sent(hook):
    channel = {"type": "webhook", "url": url_of(hook, "/hook"), "headers": {"X-Key": "k"}, "username": "u"}
    assert sent(channel, timeout=5.0)["channels"][0]["sent"]
    headers = hook.received[0][1]
    assert headers["X-Key"] == "k"
    assert headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    "path, reason",
    [
        ("/refuses", 'answered 500: {"error": "no"}'),
        ("/elsewhere", "answered 302"),
        ("/drips", "no response within 1 s"),
    ],
)
def test_a_failing_channel_is_reported_and_the_next_one_served(hook, path, reason):
    channels = [{"type": "webhook", "url": url_of(hook, path), "name": "first"}]
    channels.append({"type": "webhook", "url": url_of(hook, "/hook")})
    result = sent(*channels)
    assert result["channels"][0] == {"channel": "first", "sent": False, "reason": reason}
    assert result["channels"][1]["sent"]
    assert result["warnings"] == [f"Notification failed: {reason} (first)"]


@pytest.mark.parametrize(
    "channel",
    [
        {"type": "webhook"},
        {"type": "webhook", "url": "file:///hunter2"},
        {"type": "webhook", "url": "http://127.0.0.1:1/hunter2"},
        {"type": "webhook", "url": "https://127.0.0.1:1/hunter2", "ca_path": "/no/such"},
        {"type": "slack", "url": "http://127.0.0.1:1/", "headers": {"X": "hunter2\r\nY: 1"}},
        {"type": "email", "host": "127.0.0.1", "port": 1, "sender": "a@b.c", "to": ["hunter2@b.c"]},
        {"type": "email", "host": "127.0.0.1", "port": 1, "sender": "a@b.c\nBcc: hunter2@x.y", "to": ["d@e.f"]},
        {"type": "email"},
    ],
)
def test_no_failure_raises_or_shows_a_secret(channel):
    result = sent(channel)
    assert not result["channels"][0]["sent"]
    assert len(result["warnings"]) == 1
    assert "hunter2" not in json.dumps(result)


def test_a_channel_gets_only_the_events_it_wants(hook):
    channel = {"type": "webhook", "url": url_of(hook, "/hook"), "events": ["success"]}
    result = sent(channel)
    assert (hook.received, result["warnings"]) == ([], [])
    assert result["channels"][0]["reason"] == "not subscribed to rollback"


def test_check_mode_sends_nothing(hook):
    result = sent({"type": "webhook", "url": url_of(hook, "/hook")}, check_mode=True)
    assert (hook.received, result["warnings"], result["channels"][0]["sent"]) == ([], [], False)


def test_a_mail_arrives():
    with mailing() as server:
        result = sent(mail_channel(server, to=["oncall@example.org", "ops@example.org"]), timeout=5.0)
    assert result["channels"][0]["sent"], result
    ((secure, mail),) = server.mails
    assert not secure
    assert mail["Subject"] == "[mobius.dhash] games-1 was rolled back"
    assert mail["To"] == "oncall@example.org, ops@example.org"
    assert "p95 was 300 ms" in mail.get_content()
    assert "hunter2" not in mail.as_string()


def test_a_mail_goes_through_tls_with_a_login(certificate):
    context, authority = certificate
    with mailing(context) as server:
        tls = mail_channel(server, security="starttls", username="deploy", password=PASSWORD, ca_path=authority)
        assert sent(tls, timeout=5.0)["channels"][0] == {"channel": "email 1", "sent": True, "reason": ""}
        assert server.mails[0][0]
        wrong = sent({**tls, "password": "hunter2"}, timeout=5.0)
        assert wrong["channels"][0]["reason"] == "login rejected (535)"
        unknown = sent({**tls, "ca_path": None}, timeout=5.0)
        assert "certificate rejected" in unknown["channels"][0]["reason"]
        assert len(server.mails) == 1


def test_a_mail_is_not_sent_in_the_clear_when_tls_was_wanted():
    with mailing() as server:
        result = sent(mail_channel(server, security="starttls"), timeout=5.0)
        assert "does not support STARTTLS" in result["channels"][0]["reason"]
        plain = sent(mail_channel(server, username="deploy", password=PASSWORD), timeout=5.0)
        assert "not sent without TLS" in plain["channels"][0]["reason"]
    assert server.mails == []


def test_refused_recipients_and_silence_are_reported():
    with mailing() as server:
        some = sent(mail_channel(server, to=["nobody@b.c", "d@e.f"]), timeout=5.0)
        assert some["channels"][0]["reason"] == "1 of 2 recipients rejected (550)"
        none = sent(mail_channel(server, to=["nobody@b.c"]), timeout=5.0)
        assert none["channels"][0]["reason"] == "all recipients rejected (550)"
    with mailing(silent=5.0) as server:
        assert sent(mail_channel(server), timeout=0.3)["channels"][0]["reason"] == "no response within 0.3 s"


def test_slack_sees_no_mention():
    message = Message.of("failure", "a", "<!channel> & co", "", {})
    assert as_slack(message)["text"] == "*a*\n&lt;!channel&gt; &amp; co"


def test_teams_sees_no_markdown_and_no_link():
    message = Message.of("failure", "**a**", "[click](https://evil.example)", "", {"image": "<b>[x](y)</b>"})
    card = as_teams(message)["attachments"][0]["content"]
    # Text runs are shown as they are; text blocks and fact sets would read Markdown.
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    texts = [block["inlines"][0]["text"] for block in card["body"]]
    assert texts == ["**a**", "[click](https://evil.example)", "image: <b>[x](y)</b>"]


HOSTILE = [
    "<script>alert(1)</script>",
    "=cmd|' !A1'",
    "\x1b[31m\x07",
    "\u202egnp.exe",
    "{{ 7*7 }}",
    "x" * 10_000,
    "a\r\nBcc: b@c.d",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_odd_names_arrive_as_text_and_bounded(hook, text):
    message = Message.of("failure", text, text, "", {text[:50]: text})
    for form in (as_json, as_slack, as_teams):
        document = json.dumps(form(message), ensure_ascii=False)
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e]", document)
        assert len(document) < 28_000
    mail = as_mail(message, "a@b.c", ["d@e.f"])
    assert mail["Bcc"] is None
    assert len(mail["Subject"]) < 250


@given(st.text(), st.text())
def test_any_text_becomes_a_mail_with_one_subject(subject, text):
    message = Message.of("failure", subject, text, "2024-09-24T16:00:00Z", {})
    mail = as_mail(message, "a@b.c", ["d@e.f"])
    assert len(mail.get_all("Subject")) == 1
    assert b"\nBcc:" not in mail.as_bytes().split(b"\n\n")[0]
