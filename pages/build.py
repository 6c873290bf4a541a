"""Write the templates of this folder as Python modules, or with --check report whether they are up to date.

Ansible sends only Python files to a host, so that a module cannot read a template there. The templates are edited
here, as HTML, CSS and JavaScript; ``make pages`` writes each as one string into ``plugins/module_utils/pages``.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "plugins" / "module_utils" / "pages"
HEAD = '''# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made from pages/{name} by ``make pages``; edit that file."""

from __future__ import annotations

# fmt: off
SOURCE = r"""{source}"""
'''


def modules() -> dict[Path, str]:
    """The module of each template, and what it has to hold."""
    found = {}
    for path in sorted(HERE.iterdir()):
        if path.suffix not in (".html", ".css", ".js"):
            continue
        source = path.read_text(encoding="utf-8")
        if '"""' in source or "</script" in source.replace("$script</script", "") or not source.endswith("\n"):
            raise SystemExit(f"{path}: must end with a line feed and hold neither three double quotes nor </script")
        name = path.name.replace(".", "_").replace("-", "_") + ".py"
        found[TARGET / name] = HEAD.format(name=path.name, source=source)
    return found


def main() -> int:
    stale = [path for path, text in modules().items() if not path.is_file() or path.read_text("utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.name} does not match its template. Next: make pages")
        return 1 if stale else 0
    for path in stale:
        path.write_text(modules()[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
