"""The CI gate against a server on the loopback that speaks the documents of GitHub and GitLab."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from typing import Any, Dict, List
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.plugin_utils.ci.gate import refuse_unless_green
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.journal import Journal

SHA = "4a1f" * 10
TOKEN = "s3cret-token"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_unused):
        pass

    def do_GET(self):
        parts = urlsplit(self.path)
        page = int(parse_qs(parts.query).get("page", ["1"])[0])
        self.server.seen.append((unquote(parts.path), page, dict(self.headers)))
        answer = self.server.answers.get(unquote(parts.path), (404, {"message": "Not Found"}, {}))
        status, body, headers = answer(page) if callable(answer) else answer
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


@contextlib.contextmanager
def serving(answers: Dict[str, Any]):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answers, server.seen, server.daemon_threads = answers, [], True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


HUB = "/api/v3/repos/games/library/commits/" + SHA
LAB = "/api/v4/projects/games/tools/library/repository/commits/" + SHA
OK: Dict[str, str] = {}


def hub(statuses: Any = (), runs: Any = ()) -> Dict[str, Any]:
    """GitHub's documents, a hundred entries a page."""

    def paged(member: str, entries: List[Any]):
        return lambda page: (
            200,
            {"state": "pending", "total_count": len(entries), member: entries[(page - 1) * 100 : page * 100]},
            OK,
        )

    named = [{"context": name, "state": state} for name, state in statuses]
    checks = [{"name": name, "status": "completed", "conclusion": word} for name, word in runs]
    for check in checks:
        if check["conclusion"] in ("queued", "in_progress", "waiting"):
            check.update(status=check["conclusion"], conclusion=None)
    return {f"{HUB}/status": paged("statuses", named), f"{HUB}/check-runs": paged("check_runs", checks)}


def lab(status: Any, statuses: Any = ()) -> Dict[str, Any]:
    entries = [
        {"name": name, "status": word.rstrip("?"), "allow_failure": word.endswith("?")} for name, word in statuses
    ]

    def pages(page):
        return 200, entries[(page - 1) * 100 : page * 100], OK

    return {LAB: (200, {"id": SHA, "status": status}, OK), f"{LAB}/statuses": pages}


def ask(server: Any, provider: str, **more: Any) -> Dict[str, Any]:
    repository = "games/library" if provider == "github" else "games/tools/library"
    url = f"http://127.0.0.1:{server.server_address[1]}"
    given = {"provider": provider, "repository": repository, "url": url, "token": TOKEN, "timeout": 10, "commit": SHA}
    return refuse_unless_green({**given, **more})


MANY = [(f"job-{number}", "success") for number in range(250)]
GITHUB = {
    "statuses and checks are green": (hub([("ci", "success")], [("build", "success")]), [], "", 2),
    "checks alone": (hub([], [("build", "success"), ("docs", "skipped"), ("lint", "neutral")]), [], "", 3),
    "statuses alone": (hub([("ci", "success")]), [], "", 1),
    "a failed status": (hub([("ci", "failure")], [("build", "success")]), [], "CI has failed (ci: failure)", 0),
    "a status in error": (hub([("ci", "error")]), [], "CI has failed (ci: error)", 0),
    "a failed check": (hub([("ci", "success")], [("build", "failure")]), [], "CI has failed (build: failure)", 0),
    "cancelled": (hub([], [("build", "cancelled")]), [], "CI has failed (build: cancelled)", 0),
    "timed out": (hub([], [("build", "timed_out")]), [], "CI has failed (build: timed_out)", 0),
    "somebody has to act": (hub([], [("build", "action_required")]), [], "action_required", 0),
    "a word that nobody knows": (hub([], [("build", "sparkling")]), [], "CI has failed (build: sparkling)", 0),
    "a status of another type": (hub([("ci", ["success"])]), [], "CI has failed (ci: ['success'])", 0),
    "a conclusion of another type": (hub([], [("build", {"a": []})]), [], "CI has failed (build: {'a': []})", 0),
    "a check without a conclusion": (hub([], [("build", None)]), [], "CI has failed (build: None)", 0),
    "a pending status": (hub([("ci", "pending")]), [], "CI has not finished (ci: pending)", 0),
    "a queued check": (hub([("ci", "success")], [("x", "queued")]), [], "CI has not finished (x: queued)", 0),
    "a running check": (hub([], [("x", "in_progress"), ("y", "success")]), [], "CI has not finished", 0),
    "red before pending": (hub([("a", "pending"), ("b", "failure")]), [], "CI has failed (b: failure)", 0),
    "nothing at all": (hub(), [], "CI has no statuses and no checks", 0),
    "required and green, another red": (hub([("ci", "success"), ("x", "failure")]), ["ci"], "", 1),
    "required and red": (hub([("ci", "failure")], [("build", "success")]), ["ci"], "CI has failed (ci", 0),
    "required and missing": (hub([("ci", "success")]), ["ci", "deploy"], "no status or check named deploy", 0),
    "green on three pages": (hub(MANY, MANY), [], "", 500),
    "red on the last page": (hub([*MANY, ("last", "failure")]), [], "CI has failed (last: failure)", 0),
    "red on the last page of checks": (hub(MANY, [*MANY, ("last", "failure")]), [], "CI has failed (last", 0),
    "many are red": (hub([(f"j{n}", "failure") for n in range(8)]), [], "and 3 more)", 0),
}
GITLAB = {
    "green": (lab("success", [("build", "success")]), [], "", 2),
    "a failure that is allowed": (lab("success", [("build", "success"), ("lint", "failed?")]), [], "", 3),
    "a manual job that may be left": (lab("success", [("build", "success"), ("ship", "manual?")]), [], "", 3),
    "failed": (lab("failed", [("build", "failed")]), [], "CI has failed (pipeline: failed, build: failed)", 0),
    "canceled": (lab("canceled", [("build", "canceled")]), [], "CI has failed (pipeline: canceled", 0),
    "running": (lab("running", [("build", "running")]), [], "CI has not finished (pipeline: running", 0),
    "created": (lab("created"), [], "CI has not finished (pipeline: created)", 0),
    "waits for a person": (lab("manual", [("ship", "manual")]), [], "CI has not finished (pipeline: manual", 0),
    "no pipeline": (lab(None), [], "CI has no statuses and no checks", 0),
    "required and green": (lab("failed", [("build", "success")]), ["build"], "", 1),
    "required and missing": (lab("success"), ["build"], "no status or check named build", 0),
    "green on three pages": (lab("success", MANY), [], "", 251),
    "red on the last page": (lab("success", [*MANY, ("last", "failed")]), [], "CI has failed (last: failed)", 0),
    "a full last page": (lab("success", MANY[:100]), [], "", 101),
}
CASES = [("github", name) for name in GITHUB] + [("gitlab", name) for name in GITLAB]


@pytest.mark.parametrize("provider, name", CASES)
def test_only_green_passes(provider: str, name: str) -> None:
    answers, contexts, refusal, count = (GITHUB if provider == "github" else GITLAB)[name]
    with serving(answers) as server:
        if not refusal:
            assert ask(server, provider, contexts=contexts) == {"commit": SHA, "checks": count}
        else:
            with pytest.raises(MobiusError) as error:
                ask(server, provider, contexts=contexts)
            assert refusal in str(error.value) and SHA[:12] in str(error.value)
            assert TOKEN not in str(error.value)
    header = {"github": ("Authorization", f"Bearer {TOKEN}"), "gitlab": ("PRIVATE-TOKEN", TOKEN)}[provider]
    assert all(
        {key.lower(): value for key, value in seen[2].items()}[header[0].lower()] == header[1] for seen in server.seen
    )


LIMITED = {"message": "API rate limit exceeded for user ID 1."}
BROKEN = {
    "unauthorized": ((401, {"message": "Bad credentials"}, OK), "not authorized (HTTP 401: Bad credentials)"),
    "forbidden": ((403, {"message": "Resource not accessible"}, OK), "not authorized (HTTP 403: Resource"),
    "rate-limited": ((403, LIMITED, OK), "rate-limited (HTTP 403: API rate limit exceeded"),
    "rate-limited as the standard has it": ((429, b"slow down", OK), "rate-limited (HTTP 429)"),
    "missing": ((404, {"message": "Not Found"}, OK), "no such repository or commit (HTTP 404: Not Found)"),
    "no such commit": ((422, {"message": "No commit found"}, OK), "no such repository or commit (HTTP 422"),
    "moved": ((301, b"", {"Location": "http://127.0.0.1:1/"}), "redirected (HTTP 301)"),
    "to a login page": ((302, b"", {"Location": "http://127.0.0.1:1/users/sign_in"}), "redirected (HTTP 302)"),
    "server error": ((502, b"<html>bad gateway</html>", OK), "HTTP 502"),
    "not JSON": ((200, b"<html>hello</html>", OK), "not a document of that API"),
    "cut off": ((200, b'{"total_count": 1, "stat', OK), "not a document of that API"),
    "empty": ((200, b"", OK), "not a document of that API"),
    "a list": ((200, [1, 2], OK), "not a document of that API"),
    "another object": ((200, {"hello": "world"}, OK), "not a document of that API"),
    "deep": ((200, b"[" * 100_000, OK), "not a document of that API"),
    "deeper than a walk goes": ((200, b"[" * 400 + b"]" * 400, OK), "not a document of that API"),
    "deep, and an error": ((502, b"[" * 100_000, OK), "HTTP 502"),
    "a message that is none": ((502, {"message": {"a": [1]}}, OK), "HTTP 502: {'a': [1]}"),
    "control characters in the message": ((502, {"message": "a\x1b[2J\ud800"}, OK), "HTTP 502: a\\x1b[2J\\ud800"),
}


@pytest.mark.parametrize("provider", ["github", "gitlab"])
@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_known_is_not_green(provider: str, name: str) -> None:
    answer, refusal = BROKEN[name]
    path = f"{HUB}/status" if provider == "github" else LAB
    with serving({**hub([("ci", "success")]), **lab("success"), path: answer}) as server:
        with pytest.raises(MobiusError, match="The CI status is unknown") as error:
            ask(server, provider)
        assert len(server.seen) == 1
    assert refusal in str(error.value) and "Next: " in str(error.value) and TOKEN not in str(error.value)


@pytest.mark.parametrize("total, entries", [(3, 2), (3, 0), ("3", 3), (None, 3), (True, 3)])
def test_an_incomplete_page_gives_no_verdict(total: Any, entries: int) -> None:
    found = [{"context": f"c{number}", "state": "success"} for number in range(entries)]

    def short(page):
        return 200, {"total_count": total, "statuses": found if page == 1 else []}, OK

    with serving({**hub([]), f"{HUB}/status": short}) as server, pytest.raises(MobiusError, match="not a document"):
        ask(server, "github")


@pytest.mark.parametrize("status", [["queued"], {"a": 1}, None, 1, True])
def test_the_status_of_a_check_may_be_of_any_type(status: Any) -> None:
    runs = [{"name": "x", "status": status, "conclusion": "failure"}]
    answer = (200, {"total_count": 1, "check_runs": runs}, OK)
    answers = {**hub([("ci", "success")]), f"{HUB}/check-runs": answer}
    with serving(answers) as server, pytest.raises(MobiusError, match="CI has failed .x: failure."):
        ask(server, "github")


def test_endless_pages_are_refused() -> None:
    def endless(_page):
        return 200, {"total_count": 10**9, "statuses": [{"context": "x", "state": "success"}]}, OK

    with serving({f"{HUB}/status": endless}) as server, pytest.raises(MobiusError, match="More than 5000 statuses"):
        ask(server, "github")
    assert len(server.seen) == 50


def test_an_unreachable_server_gives_no_verdict() -> None:
    with serving({}) as server:
        pass
    with pytest.raises(MobiusError, match="The CI status is unknown: Connection refused"):
        ask(server, "github", timeout=2)


@pytest.mark.parametrize(
    "more, refusal",
    [
        ({"repository": ""}, "mobius_ci_repository is not set"),
        ({"commit": None}, "mobius_ci_commit is not set"),
        ({"commit": "", "repository": None}, "mobius_ci_repository, mobius_ci_commit are not set"),
        ({"url": "http://ci.example.org"}, "would be sent unencrypted"),
        ({"url": "ftp://ci.example.org"}, "unencrypted"),
        ({"ca_path": "/nowhere.pem"}, "No such certificate file"),
    ],
)
def test_an_invalid_query_is_refused(more: Dict[str, Any], refusal: str) -> None:
    with serving({}) as server, pytest.raises(MobiusError, match=refusal):
        ask(server, "github", **more)
    assert server.seen == []


def test_the_job_knows_its_commit_and_without_a_provider_there_is_no_query() -> None:
    with serving(hub([("ci", "success")])) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        given = {"provider": "github", "repository": "games/library", "url": url}
        assert refuse_unless_green(given, {"commit": SHA})["commit"] == SHA
        assert all("Authorization" not in seen[2] for seen in server.seen)
    assert refuse_unless_green({"provider": ""}) == {} and refuse_unless_green({}) == {}


def test_all_hosts_of_a_run_share_one_query(tmp_path) -> None:
    with serving(hub([("ci", "success")])) as server:
        for host in ("a", "b", "c"):
            journal = Journal(str(tmp_path), host)
            assert journal.once(f"ci {SHA}", lambda: ask(server, "github"))["checks"] == 1
        assert len(server.seen) == 2
    journal = Journal(str(tmp_path), "d")
    with pytest.raises(MobiusError):
        journal.once("ci other", lambda: ask(server, "github", timeout=1))
    assert journal.once("ci other", lambda: {"queried": "again"}) == {"queried": "again"}
