"""What happens to the site, and what must follow."""

from __future__ import annotations

import contextlib
import hashlib
import time
from typing import Any, Callable, Dict, Iterator, List

import configuration
from programs import Failed, fetch, wait_for
from site_under_test import HOST
from stack import Stack

FAILURES, UNHEALTHY = "MobiusDhashExtractionFailures", "MobiusDhashUnhealthy"
AT_ONCE, CONFIRMED = "mobius_dhash.yml", "mobius_dhash_confirmed.yml"
# Seconds by the shipped rules: scraped, `for`, evaluated; and until the mean over 10 minutes is below the limit again.
FAILURES_FIRE, FAILURES_END, UNHEALTHY_FIRE = 420, 900, 240
# Seconds for a playbook that the rulebook starts, beside other work.
PLAY = 180
# Seconds in which a reaction would have begun.
QUIET = 20


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Failed(what)


def deploy_damage(stack: Stack) -> bytes:
    """Deploy with damaged pictures and limits that let them pass; the bytes from before."""
    before = stack.site.library.read_bytes()
    stack.site.damage_pictures()
    stack.site.play(
        "deploy", mobius_max_failure_rate=100, mobius_limits={"extraction_failures_rate": 100}, mobius_limits_over={}
    )
    # The rulebook may have rolled back already: the report has what was deployed.
    facts = stack.site.last_deployment()
    require(facts["sha256_after"] != facts["sha256_before"], "the deployment of damaged pictures changed nothing")
    require(facts["sha256_before"] == hashlib.sha256(before).hexdigest(), "the deployment began with other bytes")
    stack.note(f"deployed, {facts['failed']} of {facts['items']} images are damaged: the metrics turn bad")
    return before


def wait_until_back(stack: Stack, before: bytes, rollbacks: int) -> None:
    wait_for("the rulebook rolls back", lambda: stack.site.runs("rollback") > rollbacks, PLAY)
    require(
        stack.site.library.read_bytes() == before, "after the rollback the library does not hold the bytes from before"
    )
    stack.note("rolled back: the library holds the bytes from before")


def dashboard(stack: Stack) -> None:
    """every query of the dashboard has samples in the real Prometheus"""
    queries = configuration.queries()

    def measured(expression: str) -> List[Dict[str, Any]]:
        # Somebody has to use the service: a quantile of no requests is NaN.
        fetch(f"{stack.url('service')}/health")
        found = stack.query(expression)
        return found if any(float(sample["value"][1]) == float(sample["value"][1]) for sample in found) else []

    for panel, expression in queries.items():
        found = wait_for(f"{panel} has samples", lambda query=expression: measured(query), stack.limit(120))
        require(all("host" in sample["metric"] for sample in found), f"the panel {panel} has no host")
    stack.note(f"{len(queries)} queries of the dashboard have samples")


def rollback(stack: Stack) -> None:
    """bad metrics, an alert, the rulebook's rollback, resolved"""
    stack.start_rulebook(AT_ONCE)
    # Nothing without the token, nothing for a pattern or a template, and the rulebook survives what is no alert.
    require(stack.answer(_alert(HOST), token="wrong") == 401, "the webhook accepted a wrong token")
    for payload in ({"status": "firing"}, [1], *map(_alert, ("all", "*", "{{ 1 }}", "a b", [HOST], None))):
        stack.answer(payload)
    sent, began = stack.sent(), time.monotonic()
    before = deploy_damage(stack)
    stack.wait_until_firing(FAILURES, FAILURES_FIRE)
    stack.wait_until_sent(FAILURES, sent)
    wait_until_back(stack, before, rollbacks=0)
    stack.wait_until_resolved(FAILURES, FAILURES_END)
    require(stack.site.runs("rollback") == 1, "the rulebook rolled back more than once")
    stack.note(f"from the deployment to resolved: {time.monotonic() - began:.0f} s")


def _alert(host: object) -> Dict[str, object]:
    return {"status": "firing", "commonLabels": {"action": "rollback", "host": host, "alertname": "Forged"}}


def watch(stack: Stack) -> None:
    """an unhealthy site, an alert, the rulebook watches; within the cool-down nothing, and again after it"""
    stack.start_rulebook(AT_ONCE)
    watches = stack.site.runs("monitoring")
    with _edited(stack):
        reacted = time.monotonic()
        wait_for("the rulebook watches", lambda: stack.site.runs("monitoring") == watches + 1, PLAY)
        stack.note("watched and judged")
    with _edited(stack):
        # A play takes longer to begin than this takes to read; a play that failed is printed twice.
        begun = stack.printed().count("PLAY [Watch")
        time.sleep(QUIET)
        spent = time.monotonic() - reacted
        require(spent < stack.cool_down, f"the cool-down was over after {spent:.0f} s. Next: a longer --cool-down")
        require(stack.printed().count("PLAY [Watch") == begun, "the rulebook reacted within the cool-down")
        stack.note("within the cool-down: no reaction")
    time.sleep(max(0.0, reacted + stack.cool_down - time.monotonic()))
    stack.note("the cool-down has passed")
    with _edited(stack):
        wait_for("the rulebook watches again", lambda: stack.site.runs("monitoring") == watches + 2, PLAY)
        stack.note("watched and judged again")


@contextlib.contextmanager
def _edited(stack: Stack) -> Iterator[None]:
    """Edit the library, until its alert has reached the rulebook; at the end a person restores the bytes."""
    library, sent = stack.site.library, stack.sent()
    held = library.read_bytes()
    library.write_bytes(held + b"\n")
    stack.note("the library was edited: the site is not healthy")
    stack.wait_until_firing(UNHEALTHY, UNHEALTHY_FIRE)
    stack.wait_until_sent(UNHEALTHY, sent)
    sent = stack.sent()
    yield
    library.write_bytes(held)
    stack.wait_until_resolved(UNHEALTHY, UNHEALTHY_FIRE)
    # An alert that fires again before this is the same one to Alertmanager, which does not repeat itself yet.
    wait_for("Alertmanager notifies the rulebook of the end", lambda: stack.sent() > sent, stack.limit(60))


def confirmed(stack: Stack) -> None:
    """bad metrics, a request, a person confirms, the rulebook's rollback, resolved"""
    stack.start_rulebook(CONFIRMED)
    # Too early: there is no request yet.
    answer = {"confirm": HOST, "by": "ann"}
    require(stack.answer(answer) == 200, "the webhook refused an answer")
    wait_for("the rulebook refuses an early answer", lambda: stack.printed().count("Nothing to answer") == 1, PLAY)
    rollbacks, sent = stack.site.runs("rollback"), stack.sent()
    before = deploy_damage(stack)
    bad = stack.site.library.read_bytes()
    stack.wait_until_firing(FAILURES, FAILURES_FIRE)
    stack.wait_until_sent(FAILURES, sent)
    wait_for("the rulebook opens a request", lambda: "Request: rollback of games-1" in stack.printed(), PLAY)
    stack.note("the rulebook has opened a request")
    stack.answer({"confirm": "games-2", "by": "ann"})
    require(stack.answer(answer, token="wrong") == 401, "the webhook accepted a wrong token")
    time.sleep(QUIET)
    require(stack.site.runs("rollback") == rollbacks, "the rulebook rolled back before anybody confirmed")
    require(stack.site.library.read_bytes() == bad, "the library changed before anybody confirmed")
    stack.answer(answer)
    stack.note("ann has confirmed")
    wait_until_back(stack, before, rollbacks)
    require("Confirmed: rollback of games-1, by ann" in stack.printed(), "the rulebook does not name who confirmed")
    stack.wait_until_resolved(FAILURES, FAILURES_END)
    stack.answer(answer)
    wait_for("the rulebook refuses a second answer", lambda: stack.printed().count("Nothing to answer") == 3, PLAY)
    require(stack.site.runs("rollback") == rollbacks + 1, "one request was carried out twice")
    stack.note("a second answer finds no request")


SCENES: Dict[str, Callable[[Stack], None]] = {each.__name__: each for each in (dashboard, rollback, watch, confirmed)}
