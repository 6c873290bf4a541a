"""Every form fits the limits of its service whatever the message, and keeps what matters most."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.notify.forms import (
    FORMS,
    SLACK_SECTION,
    SLACK_SECTIONS,
    as_mail,
    ascii_address,
    document_of,
)
from ansible_collections.mobius.dhash.plugins.module_utils.notify.message import Message, units
from ansible_collections.mobius.dhash.plugins.module_utils.notify.send import notify, secrets_of
from ansible_collections.mobius.dhash.tests.support.mail_server import mailing
from hypothesis import given
from hypothesis import strategies as st

FACTS = {"deployment": "20240924T160000Z-1a2b3c", "report": "/srv/logs/deployment-1.json", "next": "rollback.yml"}
TEXTS = {
    "short lines": "\n".join(f"games-{number:03}: failed" for number in range(500)),
    "japanese": "\n".join(f"ゲーム{number:03}.例え.jp: 写真が見つかりません。次の手順" for number in range(300)),
    "emoji": "\n".join("\U0001f3b2" * 40 for _unused in range(200)),
    "escapes": "\n".join('<&>\\"\x1b\u2028' * 20 for _unused in range(200)),
    "one long line": "x" * 60_000,
    "one long line of ampersands": "&" * 60_000,
    "one long line of quotes": '"' * 60_000,
    "many blank lines": "\n" * 5000 + "end",
    "code fences": "``` @everyone <!channel> <users/all>\n" * 2000,
    "lone surrogates and NUL": "\ud800 caf\udce9\0" * 2000,
    "direction marks": "\u202egnp.exe\u2066\n" * 5000,
    "families": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 3000,
    "combining": "e\u0301" * 5_000,
    "carriage returns only": "a\r" * 9000,
    "line separators": "a\u2028b\u0085" * 9000,
    "a pair at the edge of a section": "x" * 2999 + "\U0001f3b2" + "y" * 3000,
    "backslashes": "\\" * 30_000,
    "encoded words": "=?utf-8?q?x?= " * 2000,
    "a table": "| a | b |\n|---|\n" * 2000,
    "blanks of other scripts": "\u1680\u3000\n" * 3000,
    "a megabyte": "words and words\n" * 70_000,
}
SIZES = {
    "webhook": (28_672, len),
    "teams": (28_672, len),
    "slack": (40_000, lambda body: units(json.loads(body)["text"])),
    "mattermost": (16_383, lambda body: units(json.loads(body)["text"])),
    "google_chat": (4096, lambda body: units(json.loads(body)["text"])),
    "discord": (2000, lambda body: units(json.loads(body)["content"])),
}


def message(text: str, subject: str = "Deployment failed", facts=None) -> Message:
    return Message.of("failure", subject, text, "2024-09-24T16:00:00Z", FACTS if facts is None else facts)


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_every_form_fits_and_keeps_subject_and_facts(kind, text):
    body = document_of(kind, message(text))
    most, size = SIZES[kind]
    assert size(body) <= most
    shown = body.decode()
    assert "Deployment failed" in shown
    assert all(value in shown for value in FACTS.values())


@pytest.mark.parametrize("kind", FORMS)
def test_what_is_left_out_is_counted(kind):
    body = json.dumps(json.loads(document_of(kind, message(TEXTS["a megabyte"]))), ensure_ascii=False)
    assert re.search(r"… [\d,]+ more lines", body)


@pytest.mark.parametrize("kind", FORMS)
def test_facts_alone_can_be_too_much(kind):
    body = document_of(kind, message("", facts={f"fact {number}": "\u00e9" * 3000 for number in range(200)}))
    most, size = SIZES[kind]
    assert size(body) <= most
    assert "more facts" in body.decode()


@pytest.mark.parametrize("kind", FORMS)
def test_the_longest_subject_fits(kind):
    most, size = SIZES[kind]
    assert size(document_of(kind, message("", '"&\U0001f3b2' * 300, {}))) <= most


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_slack_sections_are_within_their_limits_and_whole(text):
    document = json.loads(document_of("slack", message(text)))
    sections = [section["text"]["text"] for section in document.get("blocks", [])]
    assert len(sections) <= SLACK_SECTIONS
    assert all(0 < units(section) <= SLACK_SECTION for section in sections)
    assert sum(map(units, sections)) <= 40_000
    for piece in [document["text"], *sections]:
        assert not re.sub("&(?:amp|lt|gt);", "", piece).count("&")
        assert "<!" not in piece


def test_a_short_message_is_whole_everywhere():
    text = "first\n\nlast"
    assert json.loads(document_of("webhook", message(text)))["text"] == text
    assert json.loads(document_of("slack", message(text, facts={}))) == {"text": f"*Deployment failed*\n{text}"}
    assert json.loads(document_of("discord", message(text, facts={})))["content"] == (
        f"```\nDeployment failed\n{text}\n```"
    )


def test_mentions_are_disabled():
    hostile = message("``` @everyone <!channel> <users/all>")
    assert json.loads(document_of("discord", hostile))["allowed_mentions"] == {"parse": []}
    for kind in ("mattermost", "google_chat"):
        text = json.loads(document_of(kind, hostile))["text"]
        assert text.count("```") == 2 and "<users" not in text and "<!" not in text


def test_another_limit_can_be_set():
    assert len(document_of("webhook", message(TEXTS["short lines"]), 2000)) <= 2000
    assert len(document_of("webhook", message(TEXTS["short lines"]), 60_000)) > 9000


@given(st.text(max_size=300), st.text(max_size=3000), st.dictionaries(st.text(max_size=20), st.text(max_size=50)))
def test_any_message_fits(subject, text, facts):
    for kind, (most, size) in SIZES.items():
        assert size(document_of(kind, message(text * 20, subject, facts))) <= most


def channel(server, **changes):
    return {
        "type": "email",
        "host": "127.0.0.1",
        "port": server.server_address[1],
        "security": "none",
        "sender": "deploy@example.org",
        "to": ["oncall@example.org"],
        **changes,
    }


@pytest.mark.parametrize(
    "text",
    [
        "/srv/Bücherei/library.json: rolled back",
        "写真が見つかりません",
        "\U0001f3b2 dice",
        "x" * 5000,
        "é" * 5000,
        ".\n..\n.a line with a dot",
        "tab\tand\rcarriage return",
        "trailing blank \n=3D and = signs",
        "tabs \t\t\n" * 400,
        "=?utf-8?q?x?= " * 200,
        "",
        "\ufeffmark",
        TEXTS["a megabyte"],
    ],
    ids=lambda text: text[:20],
)
def test_a_relay_without_8bitmime_accepts_every_mail(text):
    with mailing(strict=True) as server:
        result = notify(message(text, "Bücherei: 写真"), [channel(server)], timeout=20.0)
        assert result["channels"][0] == {"channel": "email 1", "sent": True, "reason": ""}
        ((_secure, mail),) = server.mails
    assert mail["Content-Transfer-Encoding"] in ("7bit", "quoted-printable", "base64")
    assert mail["Subject"] == "[mobius.dhash] Bücherei: 写真"
    assert mail.get_content().splitlines() == [*message(text).lines(), "", "2024-09-24T16:00:00Z"]


def test_a_mail_has_short_lines_of_ascii():
    lines = as_mail(message(TEXTS["japanese"], "写真" * 90), "a@b.c", ["d@e.f"]).as_bytes().split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert all(line.isascii() for line in lines)


def test_addresses_of_other_scripts():
    assert ascii_address("ops@bücher.example") == "ops@xn--bcher-kva.example"
    assert ascii_address("ops@example.org") == "ops@example.org"
    with mailing() as server:
        assert notify(message("x"), [channel(server, to=["ops@bücher.example"])])["channels"][0]["sent"]
        refused = notify(message("x"), [channel(server, to=["übung@example.org"])])["channels"][0]
        assert "SMTPUTF8" in refused["reason"]


def test_the_channels_own_secrets_are_masked_in_the_message():
    channels = [
        {"type": "webhook", "url": "https://chat.example.org/post/Zx9Yw8Vu7/now", "headers": {"X-Any": "plain value"}},
        {"type": "email", "username": "deploy", "password": "correct horse"},
    ]
    text = "GET /post/Zx9Yw8Vu7/now said plain value and correct horse"
    sent = Message.of("failure", text, text, "", {"why": text}, secrets_of(channels))
    for part in (sent.subject, sent.text, sent.facts["why"]):
        assert part == "GET /post/***/now said *** and ***"


def test_one_cause_is_one_warning():
    channels = [{"type": "webhook", "url": "http://127.0.0.1:1/", "name": f"c{number}"} for number in range(5)]
    assert notify(message("x"), channels)["warnings"] == [
        "Notification failed: Connection refused (c0, c1, c2, c3, c4)"
    ]
