"""The supported ansible-cores, each in an environment of its own: sanity, units, a deployment and a forced rollback.

    run.py [--core 2.16]... [--host 3.9]... [--check sanity]... [--fresh] [--document docs/compatibility.md]

A core runs on the first Python that it supports and that is found here, or that uv installs where it may. The host
side (``module_utils`` without Ansible) runs on the Pythons of ``HOSTS``; as root on Debian, one that is found nowhere
comes from the packages of the release that ships it (debian.sh). Results are kept as they come, in
.cache/matrix: what has passed on the same commit is not run again unless --fresh. Exits 1 when a check fails, and 2
when a Python is not to be had, unless MOBIUS_ALLOW_SKIP=1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from progress import duration  # noqa: E402

CACHE = ROOT / ".cache" / "matrix"
#: The Pythons that each core supports on a controller, the first choice first.
CORES = {
    "2.16": ("3.11", "3.12", "3.10"),
    "2.17": ("3.11", "3.12", "3.10"),
    "2.18": ("3.12", "3.13", "3.11"),
    "2.19": ("3.12", "3.13", "3.11"),
    "2.20": ("3.13", "3.12", "3.14"),
    "2.21": ("3.13", "3.12", "3.14"),
}
#: The next core, from its first pre-release on: not supported yet, so it is run on request and is in no table.
NEXT = {"2.22": ("3.13", "3.14")}
HOSTS = ("3.9", "3.13", "3.14")
CHECKS = ("sanity", "units", "deployment")
#: What the host side's tests need, for the oldest Python too.
PACKAGES = ("pytest>=8", "hypothesis>=6", "pillow>=9.5,<13", "imagehash>=4.3,<5", "jsonschema>=4,<5", "PyYAML>=6")
#: What the other unit tests need.
MORE = (
    "pytest-xdist>=3",
    *("zlib-ng>=1,<2", "deflate>=0.7,<1", "pillow-heif>=0.22,<2"),
)
#: What the host side's tests of the service and of metrics need.
SERVICE = ("starlette", "uvicorn", "prometheus-client")
UNIT = "tests/unit/plugins"
#: Tests of the host side, and those among them that need Ansible itself.
HOST_TESTS = (
    *("backups", "base", "dhash", "duplicates", "engine", "gate", "hash_workers", "library", "maintenance"),
    *("migration", "process", "review", "service", "storage", "verify"),
)
HOST_TESTS_WITH_ANSIBLE = ("hash_workers/test_options.py", "migration/test_dry_run.py", "service/test_plan.py")
#: The release of Debian that ships a Python.
DEBIAN = {"3.13": "trixie", "3.14": "forky"}
BEGIN, END = "<!-- matrix: begin -->", "<!-- matrix: end -->"
DOCUMENT = "docs/compatibility.md"
NO_PYTHON = "no Python"


@dataclass(frozen=True)
class Row:
    """One environment: ``core`` is empty for the host side."""

    core: str
    python: str

    @property
    def name(self) -> str:
        return f"ansible-core {self.core}" if self.core else f"host side, Python {self.python}"

    @property
    def checks(self) -> Tuple[str, ...]:
        return CHECKS if self.core else ("host",)


@dataclass(frozen=True)
class Python:
    """An interpreter, and what it has to be started by."""

    path: str
    launcher: Tuple[str, ...] = ()

    def run(self, *arguments: str) -> str:
        command = [*self.launcher, self.path, *arguments]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def find_python(versions: Tuple[str, ...]) -> Optional[Python]:
    """The first of these versions that runs here; else from uv, or from Debian's packages, where that may be."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in versions:
        for candidate in (*sorted(pyenv.glob(f"{version}.*/bin/python")), shutil.which(f"python{version}")):
            if candidate and _runs(str(candidate), version):
                return Python(str(candidate))
    return _from_uv(versions) or _from_debian(versions)


def _from_uv(versions: Tuple[str, ...]) -> Optional[Python]:
    uv = shutil.which("uv")
    for version in versions if uv else ():
        environment = {**os.environ, "UV_PYTHON_INSTALL_DIR": str(CACHE / "pythons")}
        done = subprocess.run(
            [str(uv), "python", "install", version], env=environment, capture_output=True, check=False
        )
        found = sorted((CACHE / "pythons").glob(f"cpython-{version}*/bin/python3"))
        if done.returncode == 0 and found:
            return Python(str(found[-1]))
    return None


def _from_debian(versions: Tuple[str, ...]) -> Optional[Python]:
    for version in versions:
        if version not in DEBIAN or os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
            continue
        launcher = (str(ROOT / "tests" / "matrix" / "debian.sh"), DEBIAN[version])
        if _runs(f"/usr/bin/python{version}", version, launcher, timeout=1800):
            return Python(f"/usr/bin/python{version}", launcher)
    return None


def _runs(python: str, version: str, launcher: Tuple[str, ...] = (), timeout: float = 30) -> bool:
    command = [*launcher, python, "-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except OSError:
        return False
    return done.stdout.strip() == version


def requirement(core: str) -> str:
    """What pip installs: the newest of a series; of the next one, pre-releases too."""
    if core not in NEXT:
        return f"ansible-core=={core}.*"
    major, minor = core.split(".")
    return f"ansible-core>={core}.0.dev0,<{major}.{int(minor) + 1}.0.dev0"


def environment_for(row: Row, python: Python) -> Path:
    """The virtual environment of a row, made once."""
    folder = CACHE / (f"core-{row.core}" if row.core else f"host-{row.python}")
    wanted = [*([requirement(row.core), *MORE] if row.core else []), *SERVICE, *PACKAGES]
    made_from = "\n".join([python.path, *wanted])
    stamp = folder / "made-from.txt"
    if not stamp.is_file() or stamp.read_text("utf-8") != made_from:
        python.run("-m", "venv", "--clear", str(folder))
        pip = [
            *python.launcher,
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        subprocess.run([*pip, *wanted], check=True)
        stamp.write_text(made_from, "utf-8")
    return folder


def print_program(core: str) -> int:
    """Print the path of the core's ``ansible-playbook``, whose environment is made where it is missing."""
    python = find_python(CORES[core])
    if python is None:
        print(f"{NO_PYTHON} {' or '.join(CORES[core])} was found", file=sys.stderr)
        return 2
    print(environment_for(Row(core, ""), python) / "bin" / "ansible-playbook")
    return 0


def command_for(check: str, folder: Path) -> List[str]:
    python = str(folder / "bin" / "python")
    if check == "sanity":
        return ["tests/sanity/run.sh"]
    if check == "units":
        return [python, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", *tests_with_ansible()]
    if check == "host":
        tests = [f"{UNIT}/module_utils/{name}" for name in HOST_TESTS]
        tests += [f"--ignore={UNIT}/module_utils/{name}" for name in HOST_TESTS_WITH_ANSIBLE]
        return [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    return [
        python,
        "-B",
        "tests/matrix/deployment.py",
        str(folder / "bin" / "ansible-playbook"),
        "playbooks/collections",
    ]


def tests_with_ansible() -> List[str]:
    """The unit tests that an ansible-core can fail: all but those of the host side, which need a Python alone."""
    folder = ROOT / UNIT
    tests = [path for path in sorted(folder.iterdir()) if path.is_dir() and path.name != "module_utils"]
    tests += [path for path in sorted((folder / "module_utils").iterdir()) if path.name not in HOST_TESTS]
    tests += [folder / "module_utils" / name for name in HOST_TESTS_WITH_ANSIBLE]
    return [str(path.relative_to(ROOT)) for path in tests if path.suffix in ("", ".py") and path.name[0] not in "._"]


def commit() -> str:
    """What is tested: the commit, and whether the checkout has other changes than the table of an earlier run."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True).stdout
    status = [*git, "status", "--porcelain", "--untracked-files=no", "--", ".", f":!{DOCUMENT}"]
    changed = subprocess.run(status, capture_output=True, text=True, check=True).stdout
    return head.strip() + ("+" if changed else "")


class Results:
    """Outcome and seconds by row and check, in a file that is written after each of them."""

    def __init__(self, fresh: bool) -> None:
        self.path = CACHE / "results.json"
        self.by_row: Dict[str, Dict[str, List[str]]] = {}
        if self.path.is_file() and not fresh:
            # A file that is cut short was left by a version that wrote in place.
            with contextlib.suppress(ValueError):
                self.by_row = json.loads(self.path.read_text("utf-8"))

    def passed(self, row: Row, check: str, of: str) -> bool:
        outcome = self.by_row.get(row.name, {}).get(check)
        return bool(outcome) and outcome[0] == "passed" and outcome[2] == of and not of.endswith("+")

    def note(self, row: Row, check: str, outcome: str, took: str, of: str) -> None:
        self.by_row.setdefault(row.name, {})[check] = [outcome, took, of]
        CACHE.mkdir(parents=True, exist_ok=True)
        whole = self.path.with_suffix(".new")
        whole.write_text(json.dumps(self.by_row, indent=1) + "\n", "utf-8")
        whole.replace(self.path)

    def table(self, pythons: Dict[str, str]) -> str:
        lines = ["| | Python | sanity | units | deployment, forced rollback |", "| --- | --- | --- | --- | --- |"]
        for core, versions in CORES.items():
            row = Row(core, "")
            cells = [self._cell(row, check) for check in CHECKS]
            lines.append(f"| {row.name} | {pythons.get(row.name, versions[0])} | {' | '.join(cells)} |")
        for version in HOSTS:
            row = Row("", version)
            lines.append(f"| {row.name} | {pythons.get(row.name, version)} | | {self._cell(row, 'host')} | |")
        return "\n".join(lines)

    def _cell(self, row: Row, check: str) -> str:
        outcome = self.by_row.get(row.name, {}).get(check)
        return "not run" if outcome is None else f"{outcome[0]} ({outcome[1]}, {outcome[2]})"


def run_row(row: Row, checks: List[str], results: Results, position: str) -> Tuple[str, str]:
    """Outcome of a row and its Python."""
    print(f"{row.name}: {position}", flush=True)
    versions = {**CORES, **NEXT}.get(row.core, (row.python,))
    python = find_python(versions)
    if python is None:
        print(f"{row.name}: not run, {NO_PYTHON} {' or '.join(versions)} was found", flush=True)
        return NO_PYTHON, ""
    folder = environment_for(row, python)
    version = python.run("-c", "import platform; print(platform.python_version())")
    outcomes = []
    for check in checks:
        of = commit()
        if results.passed(row, check, of):
            print(f"{row.name}: {check} has passed on {of} before", flush=True)
            continue
        started = time.monotonic()
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        log = CACHE / f"{folder.name}-{check}.log"
        with log.open("wb") as file:
            done = subprocess.run(
                [*python.launcher, *command_for(check, folder)],
                cwd=ROOT,
                env={**os.environ, "PATH": path},
                stdout=file,
                stderr=file,
                check=False,
            )
        outcome = "failed" if done.returncode else "passed"
        took = duration(time.monotonic() - started)
        results.note(row, check, outcome, took, of)
        outcomes.append(outcome)
        where = f"; see {log.relative_to(ROOT)}" if done.returncode else ""
        print(f"{row.name}: {check} {outcome}, {took}{where}", flush=True)
    return "failed" if "failed" in outcomes else "passed", version


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--core", action="append", choices=[*CORES, *NEXT, "none"], help="may be repeated; all but the next by default"
    )
    parser.add_argument("--host", action="append", choices=[*HOSTS, "none"], help="may be repeated; all by default")
    parser.add_argument("--check", action="append", choices=CHECKS, help="may be repeated; all by default")
    parser.add_argument("--program", choices=CORES, help="print the ansible-playbook of this core, and run nothing")
    parser.add_argument("--fresh", action="store_true", help="run what has passed on this commit again")
    parser.add_argument("--document", type=Path, help="put the table between the markers of this file")
    options = parser.parse_args()
    if options.program:
        return print_program(options.program)
    cores = [core for core in options.core or CORES if core != "none"]
    rows = [*(Row(core, "") for core in cores), *(Row("", host) for host in options.host or HOSTS if host != "none")]
    results, pythons, outcomes, started = Results(options.fresh), {}, {}, time.monotonic()
    try:
        for number, row in enumerate(rows):
            spent = time.monotonic() - started
            left = f", about {duration(spent / number * (len(rows) - number))} left" if number else ""
            checks = [check for check in row.checks if not options.check or check in (*options.check, "host")]
            outcomes[row], pythons[row.name] = run_row(row, checks, results, f"{number + 1} of {len(rows)}{left}")
    except KeyboardInterrupt:
        print("interrupted; what has passed is kept. Next: make matrix goes on from there", file=sys.stderr)
    table = results.table({name: python for name, python in pythons.items() if python})
    print(table)
    if options.document is not None:
        text = options.document.read_text("utf-8")
        head, tail = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
        options.document.write_text(f"{head}\n{table}\n{tail}", "utf-8")
    failed = sum(outcome == "failed" for outcome in outcomes.values())
    missing = sum(outcome == NO_PYTHON for outcome in outcomes.values())
    print(f"{sum(outcome == 'passed' for outcome in outcomes.values())} passed, {failed} failed, {missing} skipped")
    if len(outcomes) < len(rows):
        return 130
    return 1 if failed else 2 if missing and os.environ.get("MOBIUS_ALLOW_SKIP") != "1" else 0


if __name__ == "__main__":
    sys.exit(main())
