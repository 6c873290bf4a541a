"""The programs around one site, and the requests to them."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import urllib.error
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import configuration
from programs import Failed, Program, fetch, fetch_json, wait_for
from site_under_test import HOST, Site

# Debian's Alertmanager reads this file by its absolute path, and would not find it where the package is only unpacked.
_TEMPLATE = Path("/usr/share/prometheus/alertmanager/default.tmpl")
# Seconds for a program to come up beside other work; Java takes its time.
START = 120


class Stack:
    """Prometheus, node_exporter, Alertmanager and one rulebook at a time."""

    def __init__(
        self,
        folder: Path,
        site: Site,
        ports: Dict[str, int],
        scale: float,
        cool_down: int,
        note: Callable[[str], None],
    ) -> None:
        self.site = site
        self.cool_down = cool_down
        self.note = note
        self.scale = configuration.Scale(scale)
        self._folder = folder
        self._ports = ports
        self._logs = folder / "logs"
        self._logs.mkdir()
        self._programs: List[Program] = []
        self._rulebook: Optional[Program] = None
        self._token = secrets.token_hex(16)
        self._token_file = folder / "token"
        self._token_file.touch(mode=0o600)
        self._token_file.write_text(self._token)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    def limit(self, shipped: float) -> float:
        """Seconds to wait for what takes ``shipped`` seconds by the shipped durations, beside other work."""
        return shipped / self.scale.factor + 90

    def begin(self) -> None:
        """Deploy the site, and start what watches it."""
        self.site.play("sample", limit=600)
        self.site.play("deploy")
        self.note("deployed, the service answers")
        self._start_exporter()
        self._start_alertmanager()
        self._start_prometheus()
        self.note("node_exporter, Alertmanager and Prometheus are ready")

    def end(self) -> None:
        """End what this run has started, and nothing else."""
        for program in [self._rulebook, *reversed(self._programs)]:
            if program is not None:
                program.stop()
        if self.site.library.exists():
            self.site.play("service", mobius_service_state="stopped")

    def _start(self, name: str, *arguments: str, ready: str) -> None:
        path = shutil.which(name)
        if path is None:
            raise Failed(f"{name} is not there. Next: make observe, which unpacks it")
        program = Program(name, [*_with_own_files(path), *arguments], self._logs)
        self._programs.append(program)
        program.ready(lambda: fetch(ready), START)

    def _start_exporter(self) -> None:
        port = self._ports["node"]
        self._start(
            "prometheus-node-exporter",
            f"--web.listen-address=127.0.0.1:{port}",
            "--collector.disable-defaults",
            "--collector.textfile",
            f"--collector.textfile.directory={self.site.textfile}",
            ready=f"{self.url('node')}/metrics",
        )

    def _start_alertmanager(self) -> None:
        document = configuration.alertmanager(self.scale, self._ports, self._token_file)
        path = configuration.write(self._folder / "alertmanager.yml", document)
        self._start(
            "prometheus-alertmanager",
            f"--config.file={path}",
            f"--storage.path={self._folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{self._ports['alertmanager']}",
            # It would listen on every address for others of its kind.
            "--cluster.listen-address=",
            ready=f"{self.url('alertmanager')}/-/ready",
        )

    def _start_prometheus(self) -> None:
        configuration.write(self._folder / "mobius_dhash.rules.yml", configuration.rules(self.scale))
        document = configuration.prometheus(self.scale, self._ports, HOST)
        path = configuration.write(self._folder / "prometheus.yml", document)
        self._start(
            "prometheus",
            f"--config.file={path}",
            f"--storage.tsdb.path={self._folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self._ports['prometheus']}",
            ready=f"{self.url('prometheus')}/-/ready",
        )

    def start_rulebook(self, name: str, cool_down: Optional[int] = None) -> None:
        """Start a rulebook in place of the one before; its cool-down, in seconds, starts over."""
        if self._rulebook is not None:
            self._rulebook.stop()
        path = configuration.write(
            self._folder / name, configuration.rulebook(name, self._ports, cool_down or self.cool_down)
        )
        variables = configuration.write(self._folder / "vars.yml", {"mobius_eda_token": self._token})
        variables.chmod(0o600)
        command = [
            *(str(Path(sys.executable).with_name("ansible-rulebook")), "--rulebook", str(path)),
            *("-i", str(self.site.inventory), "--vars", str(variables), "--print-events"),
        ]
        self._rulebook = Program(name, command, self._logs, **self.site.environment())
        self._rulebook.ready(lambda: self.answer({"ready": True}), START)
        self.note(f"ansible-rulebook is ready with {name}")

    def printed(self) -> str:
        """What the rulebook has printed so far."""
        if self._rulebook is None:
            raise Failed("no rulebook was started")
        return self._rulebook.text()

    def answer(self, document: Any, token: Optional[str] = None) -> int:
        """Post to the webhook as a person does; the status of the response."""
        try:
            fetch(f"{self.url('webhook')}/answer", body=document, token=self._token if token is None else token)
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    def query(self, expression: str) -> List[Dict[str, Any]]:
        """The samples of an expression, as Prometheus has them now."""
        found = fetch_json(f"{self.url('prometheus')}/api/v1/query", query=expression)
        return list(found["data"]["result"])

    def firing(self, alert: str) -> bool:
        return bool(self.query(f'ALERTS{{alertname="{alert}",alertstate="firing",host="{HOST}"}}'))

    def active(self, alert: str, receiver: str = "rulebook") -> bool:
        """Whether Alertmanager has the alert for the rulebook."""
        found = fetch_json(f"{self.url('alertmanager')}/api/v2/alerts", receiver=f"^{receiver}$")
        return any(each["labels"]["alertname"] == alert for each in found)

    def sent(self) -> int:
        """How many notifications the webhook has accepted."""
        counts: Dict[str, float] = {"notifications": 0, "notifications_failed": 0}
        for line in fetch(f"{self.url('alertmanager')}/metrics").splitlines():
            name, _brace, rest = line.partition("_total{")
            name = name.replace("alertmanager_", "")
            if name in counts and 'integration="webhook"' in rest:
                counts[name] += float(rest.rpartition(" ")[2])
        return int(counts["notifications"] - counts["notifications_failed"])

    def wait_until_firing(self, alert: str, shipped: float) -> None:
        """:param shipped: seconds until it fires by the shipped rules."""
        wait_for(f"Prometheus fires {alert}", lambda: self.firing(alert), self.limit(shipped))
        self.note(f"Prometheus fires {alert}")

    def wait_until_sent(self, alert: str, before: int) -> None:
        wait_for(f"Alertmanager notifies the rulebook of {alert}", lambda: self.sent() > before, self.limit(60))
        if not self.active(alert, "people"):
            raise Failed(f"Alertmanager has not routed {alert} to people")
        self.note("Alertmanager has notified the rulebook, and people")

    def wait_until_resolved(self, alert: str, shipped: float) -> None:
        wait_for(
            f"{alert} is resolved",
            lambda: not self.firing(alert) and not self.active(alert),
            self.limit(shipped),
        )
        self.note(f"{alert} is resolved")


def _with_own_files(path: str) -> List[str]:
    """The command of a program, which sees the files of its unpacked package as ``/usr/share``."""
    share = Path(path).parents[1] / "share"
    if share == Path("/usr/share") or not (share / _TEMPLATE.relative_to("/usr/share")).exists() or _TEMPLATE.exists():
        return [path]
    # A mount of this process alone; without root in a user namespace.
    user = [] if os.getuid() == 0 else ["--map-root-user"]
    script = 'mount --bind "$0" /usr/share && exec "$@"'
    return ["unshare", "--mount", *user, "sh", "-c", script, str(share), path]
