"""No secret is left in a text, however it is written and whatever host a URL names."""

from __future__ import annotations

import base64
import json
import time
import urllib.parse

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.text import (
    configured_secrets,
    is_opaque,
    is_secret_name,
    mask_secrets,
    redact,
)
from hypothesis import given
from hypothesis import strategies as st

S = "hunter2"

URLS = [
    f"http://user:{S}@host/health",
    f"https://user:p@{S}@host/",
    f"https://:{S}@host",
    f"https://{S}@host/x",
    f"https://user:a/{S}@host/x",
    f"postgres://user:{S}#1@[::1]:5432/db",
    f"redis://:{S}@cache:6379/0",
    f"https://hooks.slack.com/services/T00/B00/{S}",
    f"https://hooks.slack-gov.com/services/T00/B00/{S}",
    f"https://hooks.slack.com/workflows/T00/A00/1/{S}",
    f"https://slack.proxy.example/services/T00/B00/{S}",
    f"https://example.webhook.office.com/webhookb2/{S}",
    f"https://outlook.office.com/webhook/{S}/IncomingWebhook/{S}",
    f"https://prod-1.westus.logic.azure.com:443/workflows/3f/triggers/manual/paths/invoke?api-version=1&sp=%2Fa&sig={S}",
    f"https://d.61.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/3f/invoke?sig={S}",
    f"https://chat.googleapis.com/v1/spaces/AAA/messages?key={S}&token={S}",
    f"https://chat.googleapis.com/v1/spaces/AAA/messages?key={S}&amp;token={S}",
    rf"https://chat.googleapis.com/v1/spaces/AAA/messages?key={S}\u0026token={S}",
    f"https://mattermost.example.org/hooks/{S}",
    f"https://rocket.example.org/hooks/64f/{S}",
    f"https://api.telegram.org/bot12345:{S}-AAE_x/sendMessage",
    f"https://discord.com/api/webhooks/123456/{S}",
    f"https://discordapp.com/api/v10/webhooks/123456/{S}?wait=true",
    f"https://events.pagerduty.com/integration/{S}/enqueue",
    f"https://oncall.example.org/integrations/v1/alertmanager/{S}/",
    f"https://hooks.zapier.com/hooks/catch/1/{S}/",
    f"https://hooks.example.org/{S}",
    f"https://open.feishu.cn/open-apis/bot/v2/hook/{S}",
    f"https://oapi.dingtalk.com/robot/send?access_token={S}",
    f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={S}",
    f"https://webexapis.com/v1/webhooks/incoming/{S}",
    f"https://maker.ifttt.com/trigger/deploy/with/key/{S}",
    f"https://status.example.org/api/push/{S}?status=up",
    f"https://gotify.example.org/message?token={S}",
    f"https://api.opsgenie.com/v1/json/x?apiKey={S}",
    f"https://fn.azurewebsites.net/api/notify?code={S}",
    f"https://example.blob.core.windows.net/c/x.json?sv=2022-11-02&se=2026-01-01&sig={S}",
    f"https://bucket.s3.amazonaws.com/x?X-Amz-Credential={S}&X-Amz-Signature={S}",
    f"https://storage.googleapis.com/b/x?X-Goog-Signature={S}",
    f"https://cdn.example.org/x?Policy={S}&Key-Pair-Id={S}",
    f"https://example.org/x?p={S}",
    f"https://example.org/callback#access_token={S}&state=1",
    f"https://example.org/x?next=https%3A%2F%2Fuser%3A{S}%40host",
    "https://ci.example.org/trigger/5f2b9c1ad84e4f0aa1b2hunter2ff",
    "https://example.org/f81d4fae-7dec-11d0-a765-00a0c91ehunter2".replace("hunter2", "6bf6"),
]
NAMED = [
    f"Authorization: Bearer {S}",
    f"Authorization: Basic {S}",
    f"authorization: {S}",
    f"Proxy-Authorization: Basic {S}",
    f"Authorization: AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature={S}",
    f"Authorization: GenieKey {S}",
    f"X-Auth-Token: {S}",
    f"X-Api-Key: {S}",
    f"Cookie: a=b; session={S}",
    f"Set-Cookie: sid={S}; Path=/",
    f'curl -H "Authorization: Bearer {S}" http://h/',
    f"curl -H 'X-Api-Key: {S}' http://h/",
    f"curl -u bob:{S} http://h/",
    f"curl --user 'bob:{S}' http://h/",
    f"mysql --password {S} -h db",
    f"mysql --password={S} -h db",
    f"notify --api-token '{S} {S}'",
    f"password={S}",
    f"password = {S}",
    f"password => {S}",
    f"password: {S}",
    f"password: two words and {S}",
    f"  - smtp_password: two words and {S}",
    f"password: '{S}'",
    f"password: 'it''s {S}'",
    f'password: "a \\" {S}"',
    f"private_key: |\n  first\n  {S}\nnext: kept",
    f"password: >-\n    {S}\n",
    f"password=a,b{S}",
    f"password=a&b{S}",
    f"SMTP_PASSWORD={S}",
    f"PGPASSWORD={S}",
    f"export DB_PASS={S}",
    f"DB_PWD={S}",
    f"PASSWORD1={S}",
    f"api_key: {S}",
    f"api-key={S}",
    f"apikey={S}",
    f"clientSecret={S}",
    f"aws_secret_access_key = {S}",
    f"AccountName=x;AccountKey={S}==;EndpointSuffix=y",
    f"SharedAccessSignature={S}",
    f"TOKEN={S}&x=1",
    f"grant_type=password&client_secret={S}&code=1",
    f"routing_key={S}",
    f"sig={S}",
    f"session_id={S}",
    f'{{"client_secret": "{S}"}}',
    f'{{"clientSecret":"{S}"}}',
    f"{{'api-key': '{S}'}}",
    f"{{'Authorization': 'Bearer {S}'}}",
    f"headers['Authorization'] = 'Bearer {S}'",
    json.dumps({"body": json.dumps({"password": f"{S} {S}"})}),
    json.dumps(json.dumps({"body": json.dumps({"password": f"{S} {S}"})})),
    f'{{"password": "cut {S}',
    f"the server said: Bearer {S}{S}",
    f"bob:{S}@db.example.org:5432",
    f"bob:{S}@tcp(db)/x".replace("tcp(", "tcp.example("),
    f"-----BEGIN OPENSSH PRIVATE KEY-----\n{S}\n-----END OPENSSH PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{S}",
    f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.{S}",
    f"ghp_{S}{S}{S}",
    f"password=b'{S}'",
    f"password=$'{S}'",
    f'password = """{S}"""',
    f"SECRET_KEY={S}",
    f"AWS_SECRET_ACCESS_KEY_ID={S}",
    f"TOKEN_PROD={S}",
    f"password_confirmation={S}",
    f"Ocp-Apim-Subscription-Key: {S}",
    f"X-Functions-Key: {S}",
    f"X-RapidAPI-Key: {S}",
    f"webhook_url: plain{S}",
    f"<password>{S}</password>",
    f'<smtp:Password encrypted="no">{S}</smtp:Password>',
    f"machine h login bob password {S}",
    f"passcode: {S}",
    f"xoxb-1234-{S}",
]
VALUES = [
    {"password": S},
    {"mobius_health_password": S},
    {"dbPassword": S},
    {"headers": {"Authorization": f"Bearer {S}"}},
    {"headers": {"X-Anything": S}},
    {"mobius_health_headers": {"X-Anything": S}},
    {"cookie": {"sid": S}},
    {"credentials": ["bob", S]},
    {"api_key": [S]},
]


@pytest.mark.parametrize("secret", [*URLS, *NAMED, *VALUES], ids=str)
@pytest.mark.parametrize("around", ["{}", "Status 400, url {}", "see <{}> (2 of 3)"], ids=("alone", "after", "inside"))
def test_secrets_are_masked(secret, around):
    if isinstance(secret, str):
        # What stands at the start of a line in YAML and headers is not found in the middle of a sentence as such.
        start = around == "{}" or "\n" not in secret
        secret = around.format(secret) if start and "two words" not in secret else secret
    redacted = json.dumps(redact({"deep": [secret]}))
    assert S not in redacted
    assert "6bf6" not in redacted and "***" in redacted


@pytest.mark.parametrize("secret", [*URLS, *NAMED], ids=str)
def test_a_masked_text_stays_as_it_is(secret):
    once = redact(secret)
    assert redact(once) == once


@pytest.mark.parametrize(
    "harmless",
    [
        "https://example.org/a@b",
        "http://127.0.0.1:5001/metrics/dhash",
        "http://[::1]:5001/a@b",
        "https://example.org/health?verbose=true&page=2&api-version=2016-06-01",
        "https://github.com/mobius/dhash/blob/main/docs/troubleshooting-guide.md#the-lock-is-held",
        "https://cdn.example.org/games/Catan-Seafarers-2nd-Edition/photo12345678.png?v=3",
        "file:///srv/mobius/logs/evidence-20240924T160000Z-1a2b3c4d5e6f/failure.json",
        "/srv/mobius/backups/library.json.bak.20240924T160000Z",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256sum: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "registry/name:1.0@sha256:e3b0c442",
        "pass: the last 3 of 3 samples were OK",
        "basic authentication is used. Basic Authentication failed",
        "exit code: 3",
        "image_key: image",
        "<p>The password is needed</p>",
        "the host keys: 3",
        "x-axis: 5",
        'duplicate key "name"',
        "tokens: 5",
        "a password is needed",
        "the login was refused; check the password, then start again",
        "password: null",
        '{"password": ""}',
        '{"has_password": false}',
        "mail to oncall@example.org",
        {"secrets": ["a"]},
        {"password": ""},
        {"password": None},
        {"keys": 7, "image_key": "image", "result": "pass"},
        {"token": True},
    ],
    ids=str,
)
def test_what_is_not_a_secret_is_kept(harmless):
    assert redact(harmless) == harmless


def test_the_rest_of_the_text_is_kept():
    assert mask_secrets(f"POST https://h:8/x?key={S}&page=2 failed: 400") == (
        "POST https://h:8/x?key=***&page=2 failed: 400"
    )
    assert mask_secrets(f"https://mm.example.org/hooks/{S} (503)") == "https://mm.example.org/hooks/*** (503)"
    assert mask_secrets(f"user=bob password={S}, host=db") == "user=bob password=***, host=db"
    assert mask_secrets(f"a: 1\npassword: {S} {S}\nb: 2") == "a: 1\npassword: ***\nb: 2"
    assert mask_secrets(f"private_key: |\n  {S}\nnext: kept") == "private_key: ***\nnext: kept"
    assert mask_secrets(f'{{"a": 1, "token": "{S}", "b": 2}}') == '{"a": 1, "token": "***", "b": 2}'


def test_redacted_json_is_still_json():
    document = {"token": S, "url": URLS[0], "text": f"password={S}", "n": [1, None]}
    assert json.loads(mask_secrets(json.dumps(document)))["n"] == [1, None]
    assert S not in mask_secrets(json.dumps(document))


# ---- configured values


CONFIGURATION = {
    "mobius_health_url": "https://svc:p%40ss-word@host/health?probe=Xy7Zq9Lm2",
    "mobius_health_headers": {"X-Probe": "Bearer plain-header-value"},
    "mobius_notify": [
        {"type": "webhook", "url": "https://example.org/notify/Ab3dEf9hIj/send?t=zZ9yY8xX7"},
        {"type": "email", "username": "deploy", "password": "correct horse/battery"},
    ],
    "mobius_library_path": "/srv/mobius/library.json",
}


@pytest.mark.parametrize(
    "leak",
    [
        "p%40ss-word",
        "p@ss-word",
        base64.b64encode(b"svc:p@ss-word").decode(),
        "Xy7Zq9Lm2",
        "plain-header-value",
        "Ab3dEf9hIj",
        "zZ9yY8xX7",
        "correct horse/battery",
        urllib.parse.quote("correct horse/battery", safe=""),
        urllib.parse.quote_plus("correct horse/battery"),
    ],
)
def test_configured_secrets_are_masked_wherever_they_occur(leak):
    secrets = configured_secrets(CONFIGURATION)
    text = redact({"reason": f"the service logged <{leak}> at start"}, secrets)["reason"]
    assert text == "the service logged <***> at start"


@pytest.mark.parametrize("word", ["/srv/mobius/library.json", "health", "send", "notify", "deploy", "webhook", "https"])
def test_ordinary_words_of_a_configuration_are_kept(word):
    assert redact(f"see {word} now", configured_secrets(CONFIGURATION)) == f"see {word} now"


def test_a_short_secret_is_masked_as_a_word_only():
    secrets = configured_secrets({"password": "abc"})
    assert mask_secrets("abc, the alphabet: abcdef", secrets) == "***, the alphabet: abcdef"


def test_a_secret_with_quotes_is_found_inside_json():
    secrets = configured_secrets({"password": 'a"b\\c d'})
    assert mask_secrets(json.dumps({"said": 'a"b\\c d'}), secrets) == '{"said": "***"}'


@pytest.mark.parametrize(
    ("name", "secret"),
    [("password", True), ("smtp-pass", True), ("PGPASSWORD", True), ("apiKey", True), ("X-Amz-Signature", True)]
    + [("image_key", False), ("pass", True), ("tokens", False), ("path", False), ("compass", False), ("author", False)],
)
def test_names_of_secrets(name, secret):
    assert is_secret_name(name) is secret


@pytest.mark.parametrize("part", ["health", "v1", "sendMessage", "AutomationWorkflowsRun", "2016-06-01", "a" * 20])
def test_words_are_not_opaque(part):
    assert not is_opaque(part)


@given(
    st.text(),
    st.text(min_size=6, alphabet=st.characters(exclude_categories=["Cs", "Zs", "Cc"], exclude_characters="*")),
)
def test_a_configured_secret_is_always_masked(around, secret):
    assert (
        secret
        not in mask_secrets(f"{around}{secret}{around}", configured_secrets({"password": secret})).replace("***", "")
        or secret in around
    )


@given(st.text())
def test_masking_twice_changes_nothing(text):
    once = mask_secrets(text)
    assert mask_secrets(once) == once


@pytest.mark.parametrize(
    "piece", ["x", "a+", "a:bbbb@", "http://", "password=", "bearer ", "A1b2", "-u ", "\\", "'", '"', " "]
)
def test_a_long_text_takes_linear_time(piece):
    began = time.process_time()
    mask_secrets(piece * (400_000 // len(piece)))
    assert time.process_time() - began < 10
