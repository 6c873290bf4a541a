"""A library that turns out bad while it is watched is rolled back; a good one passes with its margins."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
import threading
import time

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version
from ansible_collections.mobius.dhash.tests.support.gate_server import METRICS, document, hang_up, raw, serving, url_of
from ansible_collections.mobius.dhash.tests.support.mail_server import mailing

WATCH = {
    "mobius_service_enabled": False,
    "mobius_monitor_duration": 3,
    "mobius_monitor_interval": 0.5,
    "mobius_monitor_timeout": 0.5,
    "mobius_limits_over": {},
    "mobius_health_timeout": 5,
}
# A verdict ends the watch before; a busy machine may take its samples late.
PATIENT = {"mobius_monitor_window": 120}
HEALTHY = document({"status": "healthy"})
METRICS_OK = document(METRICS)


class Deployed:
    """A library as a deployment leaves it, and the host's service: unhealthy in some way while it has these bytes."""

    def __init__(self, home) -> None:
        self.library = home / "library.json"
        self.before = self.library.read_bytes()
        backup = create_backup(str(self.library))["backup"]
        self.library.write_bytes(self.before.replace(b'"price"', b'"dhash": "0123456789abcdef", "price"'))
        self.after = self.library.read_bytes()
        state.begin(
            str(self.library), {"deployment": "first", "status": "deployed", "sha256": "0" * 64, "metrics": METRICS}
        )
        state.commit(str(self.library))
        found = {
            "deployment": "second",
            "status": "deployed",
            "sha256": read_version(str(self.library)).sha256,
            "backup": {"path": backup["path"], "sha256": backup["sha256"]},
        }
        state.begin(str(self.library), found)
        state.commit(str(self.library))

    def ill(self, answer, well=HEALTHY, good=1):
        """``answer`` while the deployed bytes are there, after ``good`` calls that are ``well``."""
        calls = []

        def reply(handler):
            calls.append(time.monotonic())
            deployed = self.library.read_bytes() == self.after
            return (answer if deployed and len(calls) > good else well)(handler)

        return reply


@pytest.fixture
def deployed(site):
    return Deployed(site.home)


@pytest.fixture
def certificate(tmp_path):
    path, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", path]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    return context, path, key


def watch(site, answers, **variables):
    with serving({"/health": HEALTHY, "/metrics/dhash": METRICS_OK, **answers}) as server:
        return site.play("monitor", mobius_service_port=server.server_address[1], **{**WATCH, **variables}), server


def assert_rolled_back(deployed, reason: str) -> None:
    home = deployed.library.parent
    assert deployed.library.read_bytes() == deployed.before
    assert not (home / ".library.json.dhash" / "lock").exists()
    (report,) = (home / "logs").glob("monitoring-*.json")
    assert json.loads(report.read_text())["status"] == "rolled_back"
    (evidence,) = (home / "logs").glob("evidence-*")
    assert (evidence / "rejected-library.json").read_bytes() == deployed.after
    assert reason in json.loads((evidence / "failure.json").read_text())["failure"]["message"]
    assert json.loads((evidence / "samples.json").read_text())


def test_a_healthy_service_passes_with_its_margins(site, deployed):
    run, _server = watch(site, {}, **PATIENT)
    run.succeeded()
    assert "pass: " in run.output
    assert "avg_hash_time: worst 1.5 ms, limit 50, margin 48.5" in run.output
    assert "low_confidence_queue_length: worst 4 items, limit 14, margin 10" in run.output
    assert (
        run.output.count("  ok  avg=1.5")
        == int(run.output.split(" samples: ")[0].rsplit(None, 1)[-1].strip("'\""))
        >= 3
    )
    assert run.changed == 0
    assert deployed.library.read_bytes() == deployed.after


def flapping(deployed):
    """Ill at every second call."""
    calls = []

    def reply(handler):
        calls.append(1)
        ill = len(calls) % 2 == 0 and deployed.library.read_bytes() == deployed.after
        return (document({"status": "unhealthy"}, 503) if ill else HEALTHY)(handler)

    return reply


# What the service of a host answers, by its path, and the reason that is given.
ILL = {
    "slow-pictures": ("metrics", document({**METRICS, "avg_hash_time": 80}), "avg_hash_time was 80 ms"),
    "queue": ("metrics", document({**METRICS, "low_confidence_queue_length": 15}), "above the limit of 14"),
    "no-number": ("metrics", raw(b'{"avg_hash_time": NaN}', kind="application/json"), "not OK 3 times in a row"),
    "garbage": ("metrics", raw(b"\x00\xffnothing\n"), "not a metric: "),
    "silent": ("health", lambda handler: time.sleep(2), "no response within 0.5 s"),
    "hangs-up": ("health", hang_up, "not OK 3 times in a row"),
    "elsewhere": ("health", raw(b"", 302, Location="http://127.0.0.1:1/"), "a redirect, not followed"),
    "flapping": ("health", flapping, "3 OK samples in a row are required"),
}


def test_what_turns_bad_is_rolled_back(site, tmp_path):
    """Each on a host of its own, all by one ansible-playbook."""
    hosts, places, answers = {}, {}, {}
    with serving(answers) as server:
        for name, (part, answer, _reason) in ILL.items():
            shutil.copytree(site.home, tmp_path / name)
            place = places[name] = Deployed(tmp_path / name)
            well = {"health": HEALTHY, "metrics": METRICS_OK}
            bad = flapping(place) if answer is flapping else place.ill(answer, well[part])
            answers |= {f"/{name}/{each}": bad if each == part else well[each] for each in well}
            hosts[name] = {
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable,
                "ansible_pipelining": True,
                "mobius_library_path": str(place.library),
                "mobius_health_url": url_of(server, f"/{name}/health"),
                "mobius_metrics_url": url_of(server, f"/{name}/metrics"),
                "mobius_monitor_timeout": 0.5 if name == "silent" else 5,
                "mobius_monitor_window": 20 if name == "flapping" else 120,
            }
        (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
        arguments = ("-i", str(tmp_path / "hosts.json"), "--limit", ",".join(hosts), "--forks", "4")
        general = {name: value for name, value in WATCH.items() if name != "mobius_monitor_timeout"}
        run = site.play("monitor", *arguments, **general)
    run.failed("Rolled back")
    for name, (_part, _answer, reason) in ILL.items():
        run.failed(reason)
        assert_rolled_back(places[name], reason)


def test_a_header_is_sent_and_never_shown(site, deployed):
    def guarded(handler):
        allowed = handler.headers.get("X-Key") == "s3cret-of-the-test"
        return (HEALTHY if allowed else document({}, 401))(handler)

    run, _server = watch(site, {"/health": guarded}, mobius_health_headers={"X-Key": "s3cret-of-the-test"}, **PATIENT)
    run.succeeded()
    assert "pass: " in run.output
    assert "s3cret-of-the-test" not in run.output


def test_nothing_measured_ends_as_on_inconclusive_is_set(site, deployed):
    unmeasured = {"/metrics/dhash": document({name: None for name in METRICS})}
    run, _server = watch(site, unmeasured)
    assert "Inconclusive" in run.succeeded().output
    run, _server = watch(site, unmeasured, mobius_on_inconclusive="fail")
    run.failed("Inconclusive")
    assert deployed.library.read_bytes() == deployed.after
    run, _server = watch(site, unmeasured, mobius_on_inconclusive="rollback")
    run.failed("Rolled back")
    assert deployed.library.read_bytes() == deployed.before


def test_invalid_limits_roll_nothing_back(site, deployed):
    run, _server = watch(site, {}, mobius_limits={"extraction_failures_rate": 100})
    run.failed("could never be exceeded")
    assert deployed.library.read_bytes() == deployed.after


def test_without_a_deployment_nothing_is_rolled_back(site):
    before = site.library.read_bytes()
    create_backup(str(site.library))
    site.library.write_bytes(before + b"\n")
    run, _server = watch(site, {"/health": document({}, 503)}, mobius_monitor_from="controller")
    run.failed("no deployment of this library is known")
    assert site.library.read_bytes() == before + b"\n"


def test_a_deployment_that_changed_nothing_has_nothing_to_roll_back(site, deployed):
    """The message reports it, and names the backup of the deployment before."""
    earlier = state.read_current(str(deployed.library))["backup"]["path"]
    deployed.library.write_bytes(deployed.after.replace(b'"test"', b'"edited"'))
    deployed.after = deployed.library.read_bytes()
    own = create_backup(str(deployed.library))["backup"]
    adopted = {"deployment": "third", "status": "deployed", "sha256": own["sha256"]}
    state.begin(str(deployed.library), {**adopted, "backup": {"path": own["path"], "sha256": own["sha256"]}})
    state.commit(str(deployed.library))
    received = []

    def take(handler):
        received.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        handler.send(b"ok")

    with serving({"/": take}) as people:
        ill = deployed.ill(document({**METRICS, "avg_hash_time": 80}), METRICS_OK)
        channel = {"type": "webhook", "url": url_of(people, "/")}
        run, _server = watch(site, {"/metrics/dhash": ill}, mobius_notify=[channel], **PATIENT)
    run.failed("avg_hash_time was 80 ms")
    run.failed("Nothing was rolled back: the last deployment changed nothing")
    assert f"mobius_backup={earlier}" in next(line for line in run.output.splitlines() if line.startswith("next "))
    assert "Rolled back" not in run.output and "bytes from before" not in run.output
    assert deployed.library.read_bytes() == deployed.after
    (report,) = (site.home / "logs").glob("monitoring-*.json")
    assert json.loads(report.read_text())["status"] == "nothing_to_roll_back"
    assert "rolled back on" not in received[0]["subject"]
    assert "Nothing was rolled back: the last deployment changed nothing" in received[0]["text"]


@pytest.mark.parametrize("well", [True, False])
def test_without_a_metrics_url_the_health_alone_is_judged(site, deployed, well):
    given = {"mobius_metrics_url": "", "mobius_figures": {"avg_hash_time": "timing.mean"}}
    over = {"avg_hash_time": 2, "p95_hash_time": 2}
    health = HEALTHY if well else deployed.ill(document({"status": "unhealthy"}, 503))
    run, _server = watch(site, {"/health": health}, mobius_limits_over=over, **given, **PATIENT)
    assert "No metrics URL is set: only health is judged." in run.output
    if well:
        assert "pass: " in run.succeeded().output
    else:
        run.failed("Rolled back")
    assert (deployed.library.read_bytes() == deployed.after) == well


def test_a_service_that_stops_answering_is_rolled_back_with_the_reason(site, deployed):
    with serving({"/health": HEALTHY, "/metrics/dhash": METRICS_OK}) as server:

        def last_words(handler):
            HEALTHY(handler)
            threading.Thread(target=lambda: (server.shutdown(), server.server_close())).start()

        server.answers["/health"] = last_words
        port = server.server_address[1]
        run = site.play("monitor", mobius_service_port=port, **{**WATCH, **PATIENT, "mobius_health_timeout": 1})
    run.failed("Connection refused")
    run.failed("The library is restored")
    assert deployed.library.read_bytes() == deployed.before


def test_a_watch_from_the_controller_refuses_a_loopback_address(site, deployed):
    """Refused before the host is contacted: nothing listens on its port."""
    host = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9, **WATCH}
    served = {"mobius_service_enabled": True}
    run = site.play(
        "monitor", mobius_monitor_from="controller", **{**host, **served, "ansible_host": "games-1.invalid"}
    )
    run.failed("the service listens on 127.0.0.1 of the host only")
    run = site.play("monitor", mobius_monitor_from="controller", **host)
    run.failed("mobius_health_url is a loopback address")
    assert "UNREACHABLE" not in run.output and "Nothing was changed" in run.output
    assert deployed.library.read_bytes() == deployed.after


@pytest.mark.parametrize("address", ["::1", "::"])
def test_a_service_that_listens_on_ipv6_is_watched(site, deployed, address):
    with serving({"/health": HEALTHY, "/metrics/dhash": METRICS_OK}, address="::1") as server:
        port = server.server_address[1]
        run = site.play("monitor", mobius_service_host=address, mobius_service_port=port, **WATCH, **PATIENT)
    assert "pass: " in run.succeeded().output


def test_a_host_that_turns_bad_is_rolled_back_while_the_others_are_watched(site, tmp_path):
    hosts, places, received, queried = {}, {}, [], []

    def well(handler):
        queried.append(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        HEALTHY(handler)

    def take(handler):
        received.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        handler.send(b"ok")

    for name in ("first", "ill", "last"):
        home = tmp_path / name
        shutil.copytree(site.home, home)
        places[name] = Deployed(home)
        hosts[name] = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        hosts[name] |= {"mobius_library_path": str(home / "library.json"), "mobius_monitor_duration": 10}
    answers = {"/health": HEALTHY, "/well": well, "/metrics/dhash": METRICS_OK, "/": take}
    answers["/ill"] = places["ill"].ill(document({**METRICS, "avg_hash_time": 80}), METRICS_OK)
    settings = {name: value for name, value in {**WATCH, **PATIENT}.items() if name != "mobius_monitor_duration"}
    with serving(answers) as server:
        hosts["ill"] |= {"mobius_monitor_duration": 2, "mobius_metrics_url": url_of(server, "/ill")}
        hosts["first"]["mobius_health_url"] = url_of(server, "/well")
        (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
        run = site.play(
            "monitor",
            *("-i", str(tmp_path / "hosts.json"), "--limit", "first,ill,last", "--forks", "2"),
            mobius_service_port=server.server_address[1],
            mobius_notify=[{"type": "webhook", "url": url_of(server, "/")}],
            **settings,
        )
    run.failed("Rolled back")
    assert [each.library.read_bytes() == each.before for each in places.values()] == [False, True, False]
    (report,) = (tmp_path / "ill" / "logs").glob("monitoring-*.json")
    at = {each["event"]: each["at"] for each in json.loads(report.read_text())["timeline"]}
    assert at["rollback"] < queried[-1]
    run.failed("forks is 2, so only 2 of 3 hosts are watched at a time")
    assert [each["subject"] for each in received] == ["Monitoring was rolled back on 1 of 3 hosts"]
    assert "avg_hash_time was 80 ms" in received[0]["text"]


def test_a_client_certificate_is_shown(site, deployed, certificate):
    context, path, key = certificate
    context.load_verify_locations(path)
    context.verify_mode = ssl.CERT_REQUIRED
    shown = {"mobius_health_client_cert": path, "mobius_health_client_key": key, "mobius_health_ca_path": path}
    with serving({"/health": HEALTHY, "/metrics/dhash": METRICS_OK}, context) as server:
        urls = {
            "mobius_health_url": url_of(server, "/health", "https"),
            "mobius_metrics_url": url_of(server, "/metrics/dhash", "https"),
        }
        run = site.play("monitor", **WATCH, **PATIENT, **urls, **shown).succeeded()
    assert "pass: " in run.output


def test_the_verdict_is_sent_once(site, deployed):
    received = []

    def take(handler):
        received.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        handler.send(b"ok")

    ill = deployed.ill(document({**METRICS, "avg_hash_time": 80}), METRICS_OK)
    with serving({"/s3cret": take}) as people, mailing() as mailbox:
        port = mailbox.server_address[1]
        mail = {
            "type": "email",
            "host": "127.0.0.1",
            "port": port,
            "security": "none",
            "sender": "a@b.c",
            "to": ["d@e.f"],
        }
        channels = [{"type": "webhook", "url": url_of(people, "/s3cret")}, mail]
        run, _server = watch(site, {"/metrics/dhash": ill}, mobius_notify=channels, **PATIENT)
        run.failed("Rolled back")
    (message,) = received
    assert message["event"] == "monitoring"
    assert message["subject"] == "Monitoring was rolled back on 1 of 1 host"
    assert "avg_hash_time was 80 ms" in message["text"]
    assert message["facts"]["verdict"] == "fail"
    assert len(mailbox.mails) == 1
    assert "s3cret" not in run.output


def test_the_journal_is_kept_and_the_evidence_fetched(site, deployed, tmp_path, journal):
    ill = deployed.ill(document({**METRICS, "avg_hash_time": 80}), METRICS_OK)
    run, _server = watch(site, {"/metrics/dhash": ill}, mobius_evidence_dest=str(tmp_path / "fetched"), **PATIENT)
    run.failed("Rolled back")
    (folder,) = (tmp_path / "fetched" / "localhost").iterdir()
    assert (folder / "rejected-library.json").read_bytes() == deployed.after
    assert (folder / "journal-mobius-dhash.txt").read_text() == journal
    assert json.loads((folder / "failure.json").read_text())["deployed"]["deployment"] == "second"
