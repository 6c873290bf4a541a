"""Real virtual environments, from a wheel that the test writes itself: no index is queried."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.runtime import environment, interpreter, look
from ansible_collections.mobius.dhash.plugins.module_utils.runtime.environment import MARKER, Wanted, ensure
from ansible_collections.mobius.dhash.plugins.module_utils.runtime.host import Host
from ansible_collections.mobius.dhash.tests.support.gate_server import raw, serving, url_of


def wheel(folder: Path, name: str, version: str, code: str) -> str:
    """Write a wheel of one module; returns its requirement line with its hash."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    lines = {
        "good": wheel(folder, "dicegood", "1.0", "VALUE = 6\n"),
        "better": wheel(folder, "dicegood", "2.0", "VALUE = 20\n"),
        "broken": wheel(folder, "dicebroken", "1.0", "import does_not_exist_anywhere\n"),
    }
    return folder, lines


@pytest.fixture
def wanted(tmp_path, wheels):
    folder, lines = wheels
    return Wanted(str(tmp_path / "venv"), lines["good"], ["dicegood"], find_links=str(folder))


@pytest.fixture(scope="module")
def made(tmp_path_factory, wheels):
    """An environment that is made once; the last test that uses it damages it."""
    found = Wanted(
        str(tmp_path_factory.mktemp("made") / "venv"), wheels[1]["good"], ["dicegood"], find_links=str(wheels[0])
    )
    ensure(found)
    return found


def run(result, code):
    return subprocess.run([result["python"], "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def beside(wanted):
    return sorted(path.name for path in Path(wanted.path).parent.iterdir())


def test_the_lifecycle_of_an_environment(wanted, wheels, tmp_path):
    predicted = ensure(wanted, check_mode=True)
    assert (predicted["changed"], predicted["reason"]) == (True, "it does not exist yet")
    assert predicted["python"] == f"{wanted.path}/bin/python"
    assert list(tmp_path.iterdir()) == []

    made = ensure(wanted)
    assert made["changed"] is True
    assert made["versions"]["dicegood"] == "1.0"
    assert run(made, "import dicegood, sys; print(dicegood.VALUE, sys.prefix)") == f"6 {wanted.path}"
    first = Path(wanted.path).resolve()
    assert json.loads((first / MARKER).read_text())["versions"]["dicegood"] == "1.0"

    again = ensure(wanted)
    assert (again["changed"], again["python"]) == (False, made["python"])
    assert ensure(wanted, check_mode=True)["changed"] is False
    assert ensure(replace(wanted, requirements=f"# another comment\n\n{wanted.requirements}"))["changed"] is False
    assert Path(wanted.path).resolve() == first

    better = ensure(replace(wanted, requirements=wheels[1]["better"]))
    assert better["reason"] == "the requirements or the Python have changed"
    assert run(better, "import dicegood; print(dicegood.VALUE)") == "20"
    assert len(beside(wanted)) == 2, "the old environment is gone"

    # What cannot be installed leaves what works.
    with pytest.raises(MobiusError, match="could not be installed"):
        ensure(replace(wanted, requirements="dicegood==3.0 --hash=sha256:" + "0" * 64))
    assert run(better, "import dicegood; print(dicegood.VALUE)") == "20"
    with pytest.raises(MobiusError, match="do not load.*does_not_exist_anywhere"):
        ensure(replace(wanted, requirements=wheels[1]["broken"], imports=["dicebroken"]))
    assert run(better, "import dicegood; print(dicegood.VALUE)") == "20"
    assert len(beside(wanted)) == 2

    # The base Python goes away, as in an upgrade of the system.
    python = Path(wanted.path).resolve() / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent/python3")
    rebuilt = ensure(replace(wanted, requirements=wheels[1]["better"]))
    assert rebuilt["changed"] is True
    assert "does not work" in rebuilt["reason"]
    assert run(rebuilt, "import dicegood; print(dicegood.VALUE)") == "20"

    # A module that was damaged.
    next(Path(wanted.path).resolve().rglob("dicegood.py")).write_text("import nothing_at_all\n")
    shutil.rmtree(next(Path(wanted.path).resolve().rglob("site-packages")) / "__pycache__")
    assert ensure(replace(wanted, requirements=wheels[1]["better"]))["changed"] is True


def test_one_that_holds_more_is_right_too(wanted, wheels):
    more = wheel(wheels[0], "dicemore", "1.0", "VALUE = 7\n").replace(" --hash", " \\\n    --hash")
    both = ensure(replace(wanted, requirements=wanted.requirements + more, imports=["dicegood", "dicemore"]))
    assert ensure(wanted) == {**both, "changed": False, "reason": "", "diff": {"before": "", "after": ""}}
    other = wheel(wheels[0], "dicemore", "1.1", "VALUE = 8\n")
    assert ensure(replace(wanted, requirements=wanted.requirements + other), check_mode=True)["changed"] is True


def test_a_wheel_with_another_hash_is_refused(wanted):
    digest = wanted.requirements.rpartition(":")[2].strip()
    with pytest.raises(MobiusError, match="find out who changed the package"):
        ensure(replace(wanted, requirements=wanted.requirements.replace(digest, "0" * 64)))
    assert beside(wanted) == []


def test_an_interpreter_inside_an_environment_gives_its_base(wanted, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "other")], check=True)
    base = interpreter.describe(str(tmp_path / "other" / "bin" / "python"))
    assert not base.executable.startswith(str(tmp_path))
    assert base.kind == interpreter.describe().kind


def test_what_killed_runs_left_is_swept_and_nothing_else(wanted, tmp_path):
    leftover, foreign, letter = (tmp_path / name for name in ("venv-0123abcd", "venv-backup", "venv-00000000"))
    leftover.mkdir()
    (leftover / "pyvenv.cfg").write_text("")
    foreign.mkdir()
    letter.mkdir()
    (letter / "dear.txt").write_text("keep")
    environment._sweep(wanted.path)
    assert beside(wanted) == ["venv-00000000", "venv-backup"]


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_something_else_at_the_path_is_refused(wanted, tmp_path, kind):
    path = Path(wanted.path)
    if kind == "folder":
        path.mkdir()
        (path / "letter.txt").write_text("dear")
    elif kind == "file":
        path.write_text("dear")
    else:
        (tmp_path / "elsewhere").mkdir()
        path.symlink_to(tmp_path / "elsewhere")
    before = beside(wanted)
    with pytest.raises(MobiusError, match="The path is not a virtual environment of this collection"):
        ensure(wanted)
    assert beside(wanted) == before


def test_a_python_without_ensurepip_names_the_package_to_install(wanted, monkeypatch):
    monkeypatch.setattr(environment, "can_make_environments", lambda base: False)
    with pytest.raises(MobiusError) as caught:
        ensure(wanted)
    assert caught.value.where == "ensurepip"


def test_the_remedy_names_the_package_of_the_system(tmp_path):
    release = tmp_path / "os-release"
    release.write_text('ID=linuxmint\nID_LIKE="ubuntu debian"\n')
    assert "apt-get install python3-venv" in environment.missing_venv_remedy(str(release))
    release.write_text("ID=fedora\n")
    assert "apt-get" not in environment.missing_venv_remedy(str(release))


def test_the_running_python_describes_itself_as_another_would():
    assert interpreter.describe() == interpreter.describe(sys.executable)


def test_a_python_that_does_not_run():
    with pytest.raises(MobiusError, match="does not run"):
        interpreter.describe("/nonexistent/python3")


@pytest.mark.parametrize(
    "printed",
    [
        *("", "5", "{}", "[]", "[1, 2]", '"python"', "[" * 100_000),
        *('["p", 3, "t", "m", ""]', '["p", [3], "t", "m", ""]', '["p", [3, "x"], "t", "m", ""]'),
        '["p", [3, 1e400], "t", "m", ""]',
    ],
)
def test_a_program_that_is_no_python_does_not_run(tmp_path, printed):
    fake = tmp_path / "python3"
    (tmp_path / "printed").write_text(printed)
    fake.write_text(f"#!/bin/sh\ncat {tmp_path}/printed\n")
    fake.chmod(0o755)
    with pytest.raises(MobiusError, match="This Python does not run"):
        interpreter.describe(str(fake))
    assert interpreter.probe(str(fake), []) == ({}, "exit code 0") or printed == "{}"


def test_an_old_python_is_refused(tmp_path):
    fake = tmp_path / "python3"
    fake.write_text('#!/bin/sh\necho \'["/usr/bin/python3", [3, 8], "cpython-38", "x86_64", ""]\'\n')
    fake.chmod(0o755)
    with pytest.raises(MobiusError, match="3.8 is too old"):
        interpreter.describe(str(fake))


def test_variables_that_lead_pip_astray_are_dropped_and_the_others_kept(monkeypatch):
    for name in ("PIP_USER", "PIP_TARGET", "PYTHONPATH", "PIP_INDEX_URL", "PIP_CERT", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "x")
    kept = interpreter.clean_environment()
    assert {"PIP_INDEX_URL", "PIP_CERT", "HTTPS_PROXY"} <= set(kept)
    assert not {"PIP_USER", "PIP_TARGET", "PYTHONPATH"} & set(kept)


def test_variables_reach_pip_and_their_passwords_stay_unseen(tmp_path, wheels):
    with serving({"/simple/dicegood/": raw(b"", 404)}) as server:
        index = url_of(server, "/simple").replace("://", "://me:p@hunter2@")
        variables = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index, "PIP_RETRIES": "0", "PIP_VERBOSE": "1"}
        wanted = Wanted(str(tmp_path / "venv"), wheels[1]["good"], ["dicegood"], variables=variables)
        assert "hunter2" not in repr(wanted)
        with pytest.raises(MobiusError, match="could not be installed") as failure:
            ensure(wanted)
        assert server.seen[0][0] == "/simple/dicegood/"
    assert "hunter2" not in str(failure.value)


HOST = Host(1000, "me", "/home/me", "", "other")


def test_a_look_creates_nothing(wanted, tmp_path):
    runtime = look.Runtime("venv", wanted.path, "", False, wanted.requirements, wanted.imports)
    found = look.look(runtime, HOST)
    assert (found["ready"], found["reason"], found["missing"]) == (False, "it does not exist yet", "")
    assert found["python"] == f"{wanted.path}/bin/python"
    assert list(tmp_path.iterdir()) == []


def test_a_look_at_a_valid_environment(made):
    runtime = look.Runtime("venv", made.path, "", False, made.requirements, made.imports)
    found = look.look(runtime, HOST)
    assert (found["ready"], found["reason"], found["missing"]) == (True, "", "")
    assert found["python"] == f"{made.path}/bin/python"
    other = replace(runtime, requirements=made.requirements + "x==1 --hash=sha256:00\n")
    assert look.look(other, HOST)["reason"] == "the requirements or the Python have changed"


def test_an_environment_that_an_older_version_made_is_taken_over(made):
    marker = Path(made.path) / MARKER
    noted = json.loads(marker.read_text())
    marker.write_text(json.dumps({name: noted[name] for name in ("fingerprints", "python", "base", "versions")}))
    assert ensure(made)["changed"] is False
    marker.write_text(json.dumps(noted))


@pytest.mark.parametrize(
    "members",
    [
        *({"fingerprints": value} for value in (None, "x", [1], [[]], {})),
        *({"imports": value} for value in (None, 1, [1], [{}])),
        *({"versions": value} for value in (None, [], "x")),
    ],
    ids=str,
)
def test_a_marker_with_a_member_of_another_type_cannot_be_read(made, tmp_path, members):
    noted = json.loads((Path(made.path) / MARKER).read_text())
    (tmp_path / MARKER).write_text(json.dumps({**noted, **members}))
    assert environment.inspect(str(tmp_path), noted["fingerprints"], [])[0] == "its marker cannot be read"
    (tmp_path / MARKER).write_text("[" * 100_000)
    assert environment.inspect(str(tmp_path), noted["fingerprints"], [])[0] == "its marker cannot be read"


def test_a_look_imports_again_only_what_has_changed(made, monkeypatch):
    probed = []
    real = environment.probe
    monkeypatch.setattr(environment, "probe", lambda *given: probed.append(given) or real(*given))
    runtime = look.Runtime("venv", made.path, "", False, made.requirements, made.imports)
    assert look.look(runtime, HOST)["ready"] and not probed
    run(look.look(runtime, HOST), "import dicegood, sys; sys.dont_write_bytecode")
    assert look.look(runtime, HOST)["ready"] and not probed, "compiled files are not a change"
    assert look.look(replace(runtime, imports=["dicegood", "json"]), HOST)["ready"] and len(probed) == 1
    (package,) = Path(made.path).resolve().rglob("dicegood.py")
    package.with_name("another.py").write_text("")
    assert look.look(runtime, HOST)["ready"] and len(probed) == 2, "a file more, and all of it loads"
    package.unlink()
    found = look.look(runtime, HOST)
    assert not found["ready"] and "dicegood" in found["reason"]


@pytest.mark.parametrize(
    ("venv", "become", "path"),
    [
        ("", False, "/home/me/.local/share/mobius-dhash/venv"),
        ("", True, "/opt/mobius-dhash/venv"),
        ("/srv/v/", True, "/srv/v"),
    ],
)
def test_the_path_of_the_environment(venv, become, path):
    assert look.Runtime("venv", venv, "", become, "", []).path(HOST) == path


def test_a_base_python_that_does_not_run_is_a_reason(tmp_path):
    runtime = look.Runtime("venv", str(tmp_path / "v"), "/nonexistent/python3", False, "", [])
    found = look.look(runtime, HOST)
    assert not found["ready"]
    assert "does not run" in found["reason"] and "mobius_runtime_python" in found["remedy"]


def test_the_systems_own_packages():
    runtime = look.Runtime("system", "", "", False, "", ["json"])
    found = look.look(runtime, HOST)
    assert (found["ready"], found["python"], found["path"]) == (True, sys.executable, "")
    assert look.check_packages(runtime)["changed"] is False
    lacking = replace(runtime, imports=["does_not_exist"])
    found = look.look(lacking, HOST)
    assert (found["ready"], found["missing"]) == (False, "packages")
    assert "does_not_exist" in found["reason"] and "apt-get install" in found["remedy"]
    with pytest.raises(MobiusError, match="does_not_exist"):
        look.check_packages(lacking)


REFUSED = (
    "WARNING: Retrying (Retry(total={n}, connect=None, read=None, redirect=None, status=None)) after connection "
    "broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to "
    "establish a new connection: [Errno 111] Connection refused')': /simple/{name}/"
)
NOT_FOUND = [
    "ERROR: Could not find a version that satisfies the requirement pillow==12.1.0 (from versions: none)",
    "ERROR: No matching distribution found for pillow==12.1.0",
]


@pytest.mark.parametrize(
    "lines, expected, unexpected, remedy",
    [
        (
            [*(REFUSED.format(n=n, name="pillow") for n in (4, 3, 2, 1, 0)), *NOT_FOUND],
            ["connection failed: NewConnectionError(", "Connection refused", *NOT_FOUND],
            ["Retrying", "Retry(total"],
            "the package index cannot be reached",
        ),
        (NOT_FOUND, NOT_FOUND, ["connection failed"], "no wheel for this Python"),
        (
            ["Looking in indexes: https://pypi.example.org/simple", "[notice] A new release of pip", *NOT_FOUND],
            NOT_FOUND,
            ["notice", "Looking in"],
            "no wheel for this Python",
        ),
        (["error: externally-managed-environment", "", "hint: See PEP 668"], ["hint: See PEP 668"], [], "read the"),
        (["WARNING: only a warning"], ["only a warning"], [], "read the message"),
        ([], [], [], "read the message"),
    ],
)
def test_the_failure_of_pip_is_reported_once(lines, expected, unexpected, remedy):
    output = "\n".join(lines)
    message = environment._essence(output)
    assert all(text in message for text in expected), message
    assert not any(text in message for text in unexpected), message
    assert message.count("connection failed") <= 1
    assert environment._remedy(output).startswith(remedy)
