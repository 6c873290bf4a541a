"""The process that has imported Ansible: forks a copy of itself for each run of ``preloaded.py``.

The zips of the modules are kept, and so is the compiled code of both sides.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import inspect
import json
import marshal
import os
import shutil
import socket
import sys
import tempfile
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any, List, NoReturn

_ROOT = Path(__file__).resolve().parents[2]
_CACHE = _ROOT / ".cache"
_DAY = 86400.0


def _serve(channel: socket.socket) -> None:
    # Not used here: each fork finds them imported.
    import ansible.cli.playbook  # noqa: F401
    import ansible.executor.module_common  # noqa: F401
    import ansible.executor.playbook_executor  # noqa: F401
    import ansible.plugins.action.normal  # noqa: F401
    import ansible.plugins.connection.local  # noqa: F401
    import ansible.plugins.strategy.linear  # noqa: F401
    from ansible import constants

    zips = _zips()
    # Ansible looks every millisecond for the end of a task, which takes a twentieth of the CPU of a run.
    constants.DEFAULT_INTERNAL_POLL_INTERVAL = 0.02
    _keep_compiled_code()
    _keep_compiled_modules(zips)
    _keep_compiled_templates()
    while True:
        byte, descriptors, _flags, _address = socket.recv_fds(channel, 1, 2)
        if not byte:
            return
        command, cwd = json.loads(channel.makefile("rb").readline())
        process = os.fork()
        if process == 0:
            channel.close()
            _play(command, cwd, descriptors, zips)
        for descriptor in descriptors:
            os.close(descriptor)
        _process, status = os.waitpid(process, 0)
        channel.sendall(json.dumps(os.waitstatus_to_exitcode(status)).encode() + b"\n")


def _zips() -> str:
    """The folder of the zips of the modules: one for all processes, as long as the code is the same."""
    import ansible
    from ansible import constants
    from ansible.executor import module_common

    collections = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"])
    # Before ansible-core 2.19, two processes could write the same zip at once.
    if not hasattr(module_common, "_locking") or not collections.is_relative_to(_ROOT):
        folder = Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache")
        folder.mkdir()
        return str(folder)
    content = hashlib.sha256(f"{ansible.__version__} {sys.version} {collections}".encode())
    for path in sorted(_ROOT.joinpath("plugins").rglob("*.py")):
        content.update(path.read_bytes())
    folder = _CACHE / "zips" / content.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    folder.touch()
    for other in folder.parent.iterdir():
        # Another process may be removing the same one.
        with contextlib.suppress(FileNotFoundError):
            if other.stat().st_mtime < time.time() - _DAY:
                shutil.rmtree(other, ignore_errors=True)
    return str(folder)


def _keep_compiled_code() -> None:
    """Ansible's loader of collections compiles each file anew."""
    from ansible.utils.collection_loader import _collection_finder

    loader = _collection_finder._AnsibleCollectionPkgLoaderBase
    compiled_anew = loader.get_code

    def get_code(self: Any, name: str) -> Any:
        path = self.get_filename(name)
        return SourceFileLoader(name, path).get_code(name) if os.path.isfile(path) else compiled_anew(self, name)

    loader.get_code = get_code
    sys.pycache_prefix, sys.dont_write_bytecode = str(_CACHE / "pycache"), False


def _keep_compiled_modules(folder: str) -> None:
    """Each execution of a module compiles what is in its zip anew, which is a sixth of the CPU of a run."""
    from ansible.executor import module_common

    # The program around the zip; before ansible-core 2.19 it is another one.
    code = getattr(module_common, "_ANSIBALLZ_CODE", "")
    first = "import datetime\n"
    addition = f"{inspect.getsource(_compile_once)}{_compile_once.__name__}({folder!r})\n"
    module_common._ANSIBALLZ_CODE = code.replace(first, first + addition, 1)


def _compile_once(folder: str) -> None:
    """Added to that program, and run in the process of the module."""
    import _imp
    import contextlib
    import hashlib
    import marshal
    import os
    import sys
    import zipimport

    compile_anew = zipimport._compile_source

    def compile_source(path, source):
        kept = os.path.join(folder, f"{hashlib.sha256(source).hexdigest()}.{sys.implementation.cache_tag}")
        try:
            with open(kept, "rb") as file:  # noqa: PTH123 - not every module imports pathlib
                code = marshal.load(file)
            _imp._fix_co_filename(code, path)
        except OSError:
            code = compile_anew(path, source)
            # Another user may not write there.
            with contextlib.suppress(OSError):
                own = f"{kept}.{os.getpid()}"
                with open(own, "wb") as file:  # noqa: PTH123
                    marshal.dump(code, file)
                os.rename(own, kept)
        return code

    zipimport._compile_source = compile_source


def _keep_compiled_templates() -> None:
    """Ansible compiles a template each time that it reads it: hundreds in a deployment, most of them in every one."""
    import ansible
    from jinja2 import Environment, __version__

    compile_anew = Environment.compile
    folder = _CACHE / "templates" / f"{ansible.__version__}-{__version__}-{sys.implementation.cache_tag}"
    folder.mkdir(parents=True, exist_ok=True)

    def compile_once(self: Any, source: Any, *more: Any, **named: Any) -> Any:
        # Only what from_string compiles with the usual delimiters.
        if more or named or not isinstance(source, str) or self.overlayed:
            return compile_anew(self, source, *more, **named)
        kept = folder / hashlib.sha256(f"{type(self)} {source}".encode("utf-8", "surrogatepass")).hexdigest()
        try:
            return marshal.loads(kept.read_bytes())
        except FileNotFoundError:
            code = compile_anew(self, source)
            own = kept.with_suffix(f".{os.getpid()}")
            own.write_bytes(marshal.dumps(code))
            own.rename(kept)
            return code

    Environment.compile = compile_once  # type: ignore[method-assign]


def _play(command: List[str], cwd: str, output: List[int], zips: str) -> NoReturn:
    """One run, in the fork."""
    from ansible.cli.playbook import PlaybookCLI

    # What the imports registered is for the process that did them.
    atexit._clear()
    code = 1
    try:
        _own_temporary_folder(zips)
        for number, descriptor in enumerate(output, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(cwd)
        sys.argv = command
        PlaybookCLI.cli_executor(command)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _own_temporary_folder(zips: str) -> None:
    """The folder in which Ansible and the collection keep what is of one run, and a link to the zips of all runs."""
    from ansible import constants
    from ansible.utils.path import cleanup_tmp_file

    own = tempfile.mkdtemp(prefix=f"ansible-local-{os.getpid()}", dir=os.path.dirname(constants.DEFAULT_LOCAL_TMP))
    atexit.register(cleanup_tmp_file, own, warn=True)
    os.symlink(zips, os.path.join(own, "ansiballz_cache"))
    constants.DEFAULT_LOCAL_TMP = own


if __name__ == "__main__":
    # As with the program itself: the modules beside this file are not Ansible's.
    sys.path[0] = os.path.dirname(sys.executable)
    with socket.socket(fileno=int(sys.argv[1])) as given_channel:
        _serve(given_channel)
