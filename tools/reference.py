"""Write the reference pages from their sources, or with --check name those that are not current.

``roles/*/README.md`` get a table of the role's options from its argument specification, between two comments; what a
person wrote around it stays. ``docs/variables.md`` lists each public ``mobius_*`` variable from the table that checks
them (``module_utils/variables``), the argument specifications and the roles' defaults.
"""

from __future__ import annotations

import functools
import re
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "playbooks" / "collections"))

from ansible_collections.mobius.dhash.plugins.module_utils.variables import table  # noqa: E402

BEGIN = "<!-- made by `make reference` from meta/argument_specs.yml -->"
END = "<!-- end of what `make reference` makes -->"
# The order of docs/variables.md; a role that is not named comes after these.
ORDER = ("deploy", "runtime", "service", "monitor", "rollback", "maintenance", "notify", "hash_workers", "cleanup")
# Variables that are no option of a role: of a playbook, or of Ansible's own machinery.
PLAYBOOKS = {
    "mobius_duplicates_dest": "Where `duplicates.yml` writes; `duplicates.FORMAT` beside the library by default.",
    "mobius_duplicates_distance": "Bits in which two dHashes may differ and still count as alike.",
    "mobius_duplicates_format": "Form of the list of `duplicates.yml`.",
    "mobius_duplicates_images": "Whether the page of `duplicates.yml` shows the images.",
    "mobius_hash_workers": "Inventory group of the hosts that help to hash (a group, not a variable).",
    "mobius_awx": "Objects that `awx_configure.yml` makes in AWX; see [awx.md](awx.md).",
    "mobius_awx_update_secrets": "Whether `awx_configure.yml` writes secrets again that AWX has already.",
    "mobius_history_format": "Form of the runs that `history.yml` shows.",
    "mobius_history_last": "How many runs `history.yml` shows, the newest ones; 0 for all.",
    "mobius_staging": "Inventory group of the staging hosts that a deployment checks first (a group, not a variable).",
    "mobius_home": "Folder of the embedded inventory `inventories/local`, `.local` by default.",
    "mobius_batch_inconclusive": (
        "Action after an inconclusive watch of a batch: `hold` (the default is `mobius_on_inconclusive`), "
        "`rollback`, `fail` or `continue`."
    ),
    "mobius_rollback_scope": (
        "What `deploy.yml` rolls back when a host fails: that host (`host`, the default), its `batch`, or every host "
        "of the `fleet` run."
    ),
    "mobius_hosts": "Hosts or groups that a playbook runs on; all but the hash workers by default. Given with `-e`.",
    "mobius_review_by": "Who decided, for `review_apply.yml`; the user on the controller by default.",
    "mobius_review_count": "Items in the review queue, as `mobius_review_hook` reads it (a fact, not a setting).",
    "mobius_review_decisions": "File of decisions on the controller, for `review_apply.yml`.",
    "mobius_review_dest": "Path that `review_export.yml` writes to; `review.FORMAT` beside the library by default.",
    "mobius_review_file": "Path of the written queue, as `mobius_review_hook` reads it (a fact, not a setting).",
    "mobius_review_format": "Form of the review queue.",
    "mobius_review_hook": "Task file that `review_export.yml` runs once the queue is written, such as an upload.",
    "mobius_review_images": "Whether the review page shows the images.",
    "mobius_serial": "Batches of a deployment or rollback, such as `[1, '10%', '100%']`. Given with `-e`.",
    "mobius_service_state": "What `service.yml` brings about.",
}
# Set by the collection for hooks and between its roles.
INTERNAL = ("mobius_deployment", "mobius_deployment_status", "mobius_dry_run", "mobius_rollout", "mobius_runtime_found")
_LARGEST = f"{1 << 62:.15g}"
_ANSWERED = re.compile(r"(mobius_\w+) \| default\(''\) \| mobius\.dhash\.(?:answered|batches)\(")
_MARKUP = re.compile(r"\b([CVOMIBEPL])\(((?:[^()]|\([^()]*\))*)\)")


def plain(text: str) -> str:
    """Ansible's markup as Markdown."""

    def replace(match: re.Match[str]) -> str:
        kind, inner = match[1], match[2].split("#")[0]
        return f"*{inner}*" if kind in "IB" else f"`{inner}`"

    return " ".join(_MARKUP.sub(replace, text).replace("|", "\\|").split())


def described(option: Dict[str, Any]) -> str:
    text = option.get("description", "")
    return plain(" ".join(text) if isinstance(text, list) else text)


def answers(text: str) -> Iterator[Tuple[str, str]]:
    """Each variable that an expression reads, and the expression that stands in for it."""
    for match in _ANSWERED.finditer(text):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield match[1], " ".join(text[match.end() : end - 1].split())


def cell(default: Any) -> str:
    """A default as a reader wants it: a value as it is, a path relative to the library in words."""
    text = str(default).strip()
    for suffix in ("/backups", "/logs", "/migrate-dryrun.json"):
        if re.fullmatch(rf"\w+_library_path \| dirname ~ '{suffix}'", text):
            return f"`{suffix[1:]}` beside the library"
    if re.fullmatch(r"\w+_library_path \| dirname", text):
        return "the library's folder"
    if text in ("", "''", "[]", "{}"):
        return ""
    if re.fullmatch(r"'[^']*'|[\w.]+|\[[^()]*\]", text):
        return "`" + text.strip("'").replace("|", "\\|") + "`"
    return "see the description"


@functools.cache
def options_of(role: str) -> Dict[str, Dict[str, Any]]:
    specification = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text("utf-8"))
    return dict(specification["argument_specs"]["main"].get("options") or {})


@functools.cache
def defaults_of(role: str) -> Dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text("utf-8")) or {})


def roles() -> List[str]:
    names = sorted(path.parent.parent.name for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))
    return [name for name in ORDER if name in names] + [name for name in names if name not in ORDER]


def default_of(value: Any) -> str:
    """The default in a role's ``defaults/main.yml``, most often behind a variable of the inventory."""
    text = str(value)
    found = list(answers(text))
    if found:
        whole = len(found) == 1 and re.fullmatch(r"\{\{ mobius_.*\) \}\}", " ".join(text.split()))
        return cell(found[0][1]) if whole else "see the description"
    return "see the description" if "{{" in text else cell(text)


def role_table(role: str) -> str:
    lines = ["| variable | type | default | what it is |", "| --- | --- | --- | --- |"]
    defaults = defaults_of(role)
    for name, option in options_of(role).items():
        kind = option["type"] + (f" of {option['elements']}" if "elements" in option else "")
        choices = option.get("choices")
        more = f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
        default = "required" if option.get("required") else default_of(defaults.get(name, ""))
        lines.append(f"| `{name}` | {kind} | {default} | {described(option)}{more} |")
    return "\n".join(lines)


def readme(role: str) -> str:
    """The role's README with a current table; made from the specification where there is none."""
    path = ROOT / "roles" / role / "README.md"
    specification = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text("utf-8"))
    main = specification["argument_specs"]["main"]
    made = f"{BEGIN}\n\n{role_table(role)}\n\n{END}\n"
    if path.is_file():
        text = path.read_text("utf-8")
        if BEGIN in text:
            return text[: text.index(BEGIN)] + made + text[text.index(END) + len(END) + 1 :]
        return f"{text.rstrip()}\n\n## Variables\n\n{made}"
    about = plain(" ".join(main.get("description") or [main["short_description"] + "."]))
    return f"# {role}\n\n{about}\n\n## Variables\n\n{made}"


def read_by() -> Dict[str, List[Tuple[str, str]]]:
    """For each variable of the inventory the options of roles whose default it is."""
    found: Dict[str, List[Tuple[str, str]]] = {}
    for role in roles():
        for option, value in defaults_of(role).items():
            for name in dict.fromkeys(re.findall(r"\bmobius_[a-z0-9_]+\b", str(value))):
                found.setdefault(name, []).append((role, option))
    return found


def variable_default(name: str, readers: List[Tuple[str, str]]) -> str:
    for role, option in readers:
        for found, default in answers(str(defaults_of(role)[option])):
            if found == name:
                return cell(default)
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        for found, default in answers(path.read_text("utf-8")):
            if found == name:
                return cell(default)
    return ""


def variable_text(name: str, readers: List[Tuple[str, str]]) -> str:
    if name in PLAYBOOKS:
        return PLAYBOOKS[name]
    # An option that this variable alone stands behind describes it best.
    alone = [
        (role, option)
        for role, option in readers
        if set(re.findall(r"\bmobius_[a-z0-9_]+\b", str(defaults_of(role)[option]))) == {name}
    ]
    for role, option in alone or readers:
        text = described(options_of(role)[option])
        # What follows names this variable as the option's source, and its default, which the table says already.
        return re.split(r",? (?:From|by) `mobius_", text)[0].strip()
    return ""


def variables_page() -> str:
    readers = read_by()
    public = [name for name in (*table.VARIABLES, *sorted(table.OTHERS)) if name not in INTERNAL]
    sections: Dict[str, List[str]] = {role: [] for role in roles()}
    sections[""] = []
    for name in public:
        first = readers.get(name, [("", "")])[0][0]
        kind = table.VARIABLES.get(name)
        # A kind answers what it takes when it is given something else.
        holds = kind(object()).replace("|", "\\|").replace(_LARGEST, "2^62") if kind else ""
        users = ", ".join(f"`{role}`" for role in dict.fromkeys(role for role, _option in readers.get(name, [])))
        mark = " Required." if name in table.REQUIRED else " Never shown." if name in table.SECRET else ""
        text = variable_text(name, readers.get(name, []))
        default = variable_default(name, readers.get(name, []))
        sections[first].append(f"| `{name}` | {default} | {holds} | {text}{mark} | {users} |")
    lines = [
        "# Variables",
        "",
        "<!-- made by `make reference` from module_utils/variables/table.py and the roles' argument specifications -->",
        "",
        "Every public variable of the collection, for an inventory, a survey or `-e`.",
        "Null and empty text mean the default.",
        "A value that a variable may not hold, and a name that no variable has, are refused before anything changes.",
        "The roles' own options, which default to these, are in the README of each role.",
    ]
    for role, rows in sections.items():
        if not rows:
            continue
        title = f"Read by the role {role}" if role else "Read by playbooks"
        lines += ["", f"## {title}", "", "| variable | default | what it may hold | what it is | roles |"]
        lines += ["| --- | --- | --- | --- | --- |", *rows]
    return "\n".join(lines) + "\n"


@functools.cache
def pages() -> Dict[Path, str]:
    made = {ROOT / "roles" / role / "README.md": readme(role) for role in roles()}
    made[ROOT / "docs" / "variables.md"] = variables_page()
    return made


def main() -> int:
    stale = [path for path, text in pages().items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in stale:
        if "--check" in sys.argv[1:]:
            print(f"{path.relative_to(ROOT)} is not current. Next: make reference")
        else:
            path.write_text(pages()[path], "utf-8")
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
