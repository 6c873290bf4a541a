"""A server with as much of AWX's API as awx.awx 24.6 uses, which refuses documents that AWX would refuse.

Known of each type: its fields, which of them are required, which name other objects, and the choices of some. A field
that AWX does not have, a missing one, a reference to nothing, and a name that is taken are answered with 400.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading
from typing import Any, Dict, List, Optional, Tuple
from urllib.parse import parse_qsl, urlsplit

TOKEN = "awx-test-token"
_NOTIFIED = ("started", "success", "error")
_PROMPTS = (
    *("variables", "limit", "tags", "skip_tags", "job_type", "verbosity", "inventory", "credential", "diff_mode"),
    *("scm_branch", "labels", "execution_environment", "forks", "instance_groups", "job_slice_count", "timeout"),
)

#: By endpoint: name of the type, required fields, other fields, and references as field to endpoint.
TYPES: Dict[str, Tuple[str, str, str, Dict[str, str]]] = {
    "organizations": ("organization", "name", "description max_hosts default_environment", {}),
    "teams": ("team", "name organization", "description", {"organization": "organizations"}),
    "users": ("user", "username", "first_name last_name email", {}),
    "credential_types": ("credential_type", "name kind", "description inputs injectors managed", {}),
    "credentials": (
        *("credential", "name credential_type", "description organization inputs"),
        {"organization": "organizations", "credential_type": "credential_types"},
    ),
    "execution_environments": (
        *("execution_environment", "name image", "description organization pull credential"),
        {"organization": "organizations"},
    ),
    "notification_templates": (
        *(
            "notification_template",
            "name organization notification_type",
            "description notification_configuration messages",
        ),
        {"organization": "organizations"},
    ),
    "projects": (
        *("project", "name organization scm_type"),
        "description scm_url scm_branch scm_clean scm_update_on_launch scm_update_cache_timeout local_path timeout "
        "allow_override scm_delete_on_update scm_track_submodules scm_refspec credential default_environment",
        {"organization": "organizations"},
    ),
    "inventories": (
        *("inventory", "name organization", "description variables kind host_filter"),
        {"organization": "organizations"},
    ),
    "inventory_sources": (
        *("inventory_source", "name inventory source"),
        "description source_project source_path source_vars overwrite overwrite_vars update_on_launch timeout",
        {"inventory": "inventories", "source_project": "projects"},
    ),
    "job_templates": (
        *("job_template", "name job_type inventory project playbook"),
        "description extra_vars execution_environment survey_enabled allow_simultaneous job_slice_count limit forks "
        "timeout verbosity become_enabled diff_mode " + " ".join(f"ask_{each}_on_launch" for each in _PROMPTS),
        {"inventory": "inventories", "project": "projects", "execution_environment": "execution_environments"},
    ),
    "workflow_job_templates": (
        *("workflow_job_template", "name organization"),
        "description extra_vars survey_enabled allow_simultaneous inventory limit scm_branch ask_inventory_on_launch "
        "ask_limit_on_launch ask_variables_on_launch ask_scm_branch_on_launch ask_labels_on_launch ask_tags_on_launch",
        {"organization": "organizations", "inventory": "inventories"},
    ),
    "workflow_job_template_nodes": (
        *("workflow_job_template_node", "identifier workflow_job_template"),
        "type unified_job_template inventory extra_data limit job_type all_parents_must_converge",
        {"workflow_job_template": "workflow_job_templates", "unified_job_template": "unified_job_templates"},
    ),
    "workflow_approval_templates": ("workflow_approval_template", "name", "description timeout", {}),
    "schedules": (
        *("schedule", "name rrule unified_job_template", "description enabled extra_data limit inventory"),
        {"unified_job_template": "unified_job_templates"},
    ),
}
_UNIFIED = ("job_templates", "workflow_job_templates", "projects", "inventory_sources", "workflow_approval_templates")
_CHOICES = {
    "kind": ("", "cloud", "net", "ssh", "vault", "scm", "smart", "constructed"),
    "job_type": ("run", "check"),
    "scm_type": ("", "git", "svn", "archive"),
    "source": ("scm", "ec2", "file", "constructed"),
    "pull": ("", "always", "missing", "never"),
    "notification_type": (
        "email",
        "slack",
        "webhook",
        "mattermost",
        "pagerduty",
        "grafana",
        "irc",
        "rocketchat",
        "twilio",
    ),
}
_ROLES = ("admin_role", "execute_role", "read_role", "approval_role", "use_role", "update_role", "member_role")
_QUESTIONS = ("text", "textarea", "password", "multiplechoice", "multiselect", "integer", "float")
_RRULE = re.compile(
    r"DTSTART(;TZID=[\w/]+)?:\d{8}T\d{6}Z? RRULE:FREQ=(MINUTELY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY);INTERVAL=\d+"
)


class Refused(Exception):
    """AWX would not accept the document; the argument is the response."""


class Store:
    """The objects, by endpoint and id, and what is associated with each."""

    def __init__(self) -> None:
        self.objects: Dict[str, Dict[int, Dict[str, Any]]] = {name: {} for name in TYPES}
        self.associated: Dict[str, List[int]] = {}
        self.surveys: Dict[str, Dict[str, Any]] = {}
        self.roles: Dict[int, str] = {}
        self.writes: List[str] = []
        self._last = 0
        self.add("credential_types", {"name": "Machine", "kind": "ssh"})

    def next_id(self) -> int:
        self._last += 1
        return self._last

    def add(self, endpoint: str, given: Dict[str, Any]) -> Dict[str, Any]:
        number = self.next_id()
        url = f"/api/v2/{endpoint}/{number}/"
        roles = {role: {"id": self.next_id()} for role in _ROLES}
        self.roles.update({each["id"]: f"{endpoint}/{number} {role}" for role, each in roles.items()})
        related = {"survey_spec": f"{url}survey_spec/"} if endpoint.endswith("job_templates") else {}
        whole = {"id": number, "url": url, "type": TYPES[endpoint][0], "related": related, **given}
        self.objects[endpoint][number] = {**whole, "summary_fields": {"object_roles": roles}}
        return self.objects[endpoint][number]

    def find(self, endpoint: str, number: int) -> Optional[Dict[str, Any]]:
        for name in _UNIFIED if endpoint == "unified_job_templates" else (endpoint,):
            if number in self.objects.get(name, {}):
                return self.objects[name][number]
        return None

    def check(self, endpoint: str, given: Dict[str, Any], existing: Optional[Dict[str, Any]]) -> None:
        """:raises Refused: as AWX's serializers do."""
        _kind, required, optional, references = TYPES[endpoint]
        known = (*required.split(), *optional.split())
        wrong = {field: ["There is no such field."] for field in given if field not in known}
        for field in required.split():
            if (existing is None or field in given) and given.get(field) in (None, ""):
                wrong[field] = ["This field is required."]
        for field, target in references.items():
            if given.get(field) and self.find(target, int(given[field])) is None:
                wrong[field] = ["Invalid pk - object does not exist."]
        wrong.update(_no_choices(given))
        if "rrule" in given and not _RRULE.match(str(given["rrule"])):
            wrong["rrule"] = ["Not a rule that AWX can parse."]
        if "extra_vars" in given and not isinstance(given["extra_vars"], str):
            wrong["extra_vars"] = ["Not a valid string."]
        wrong.update(self._secrets(endpoint, given))
        if wrong:
            raise Refused(wrong)

    def _secrets(self, endpoint: str, given: Dict[str, Any]) -> Dict[str, List[str]]:
        """Inputs of a credential that its type does not have."""
        if endpoint != "credentials" or "inputs" not in given:
            return {}
        kind = self.find("credential_types", int(given["credential_type"])) or {}
        fields = {each["id"] for each in (kind.get("inputs") or {}).get("fields", [])}
        fields |= {"username", "ssh_key_data", "password", "become_method"} if kind.get("name") == "Machine" else set()
        unknown = sorted(set(given["inputs"]) - fields)
        return {"inputs": [f"Additional properties are not allowed ({', '.join(unknown)})"]} if unknown else {}


def _no_choices(given: Dict[str, Any]) -> Dict[str, List[str]]:
    wrong = [field for field, choices in _CHOICES.items() if field in given and given[field] not in choices]
    return {field: [f'"{given[field]}" is not a valid choice.'] for field in wrong}


def check_survey(spec: Dict[str, Any]) -> None:
    """:raises Refused: as ``awx/api/views`` do for a survey."""
    if set(spec) != {"name", "description", "spec"} or not isinstance(spec["spec"], list) or not spec["spec"]:
        raise Refused({"error": "name, description and a list of questions are required"})
    names = [question.get("variable") for question in spec["spec"]]
    if len(set(names)) != len(names):
        raise Refused({"error": "'variable' is used twice"})
    for question in spec["spec"]:
        kind, default = question.get("type"), question.get("default")
        if (
            kind not in _QUESTIONS
            or not question.get("question_name")
            or not isinstance(question.get("required"), bool)
        ):
            raise Refused({"error": f"question {question.get('variable')} lacks its type, name or required"})
        if kind in ("multiplechoice", "multiselect") and default not in ("", *question.get("choices", [])):
            raise Refused({"error": f"the default of {question['variable']} is none of its choices"})
        if kind in ("integer", "float") and not question["min"] <= float(default) <= question["max"]:
            raise Refused({"error": f"the default of {question['variable']} is out of range"})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_unused: Any) -> None:
        pass

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        given = json.loads(self.rfile.read(length) or b"{}") if length else {}
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._send(401, {"detail": "Authentication credentials were not provided."})
        parts = urlsplit(self.path)
        try:
            with self.server.lock:  # type: ignore[attr-defined]
                status, document = self._answer(
                    parts.path.strip("/").split("/")[2:], dict(parse_qsl(parts.query)), given
                )
        except Refused as error:
            status, document = 400, error.args[0]
            self.server.refused.append((self.command, self.path, document))  # type: ignore[attr-defined]
        return self._send(status, document)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle

    def _send(self, status: int, document: Any) -> None:
        data = b"" if status == 204 else json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"X-API-Product-Name": "AWX", "X-API-Product-Version": "24.6.1"}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _answer(self, path: List[str], query: Dict[str, str], given: Dict[str, Any]) -> Tuple[int, Any]:
        store: Store = self.server.store  # type: ignore[attr-defined]
        if self.command != "GET":
            store.writes.append(f"{self.command} {self.path}")
        if path[0] == "roles":
            return self._associate(store, "/".join(path), given, path[2])
        if len(path) == 1:
            return self._list(store, path[0], query) if self.command == "GET" else self._create(store, path[0], given)
        found = store.find(path[0], int(path[1]))
        if found is None:
            return 404, {"detail": "Not found."}
        if len(path) == 3:
            return self._sub(store, found, path, given)
        if self.command == "PATCH":
            store.check(path[0], {**given, **self._kind_of(path[0], found, given)}, found)
            found.update(given)
        return 200, _shown(found)

    def _kind_of(self, endpoint: str, found: Dict[str, Any], given: Dict[str, Any]) -> Dict[str, Any]:
        return {"credential_type": found["credential_type"]} if endpoint == "credentials" and "inputs" in given else {}

    def _list(self, store: Store, endpoint: str, query: Dict[str, str]) -> Tuple[int, Any]:
        names = _UNIFIED if endpoint == "unified_job_templates" else (endpoint,)
        everything = [each for name in names for each in store.objects[name].values()]
        wanted = {key: value for key, value in query.items() if not key.startswith(("or__", "page"))}
        found = [each for each in everything if all(str(each.get(key)) == value for key, value in wanted.items())]
        return 200, {"count": len(found), "next": None, "previous": None, "results": [_shown(each) for each in found]}

    def _create(self, store: Store, endpoint: str, given: Dict[str, Any]) -> Tuple[int, Any]:
        store.check(endpoint, given, None)
        keys = [
            key for key in ("name", "identifier", "organization", "inventory", "workflow_job_template") if key in given
        ]
        keys += ["unified_job_template"] if endpoint == "schedules" else []
        if any(all(each.get(key) == given[key] for key in keys) for each in store.objects[endpoint].values()):
            raise Refused({"__all__": [f"{TYPES[endpoint][0]} with this name already exists."]})
        return 201, _shown(store.add(endpoint, given))

    def _sub(self, store: Store, found: Dict[str, Any], path: List[str], given: Dict[str, Any]) -> Tuple[int, Any]:
        if path[2] == "survey_spec":
            if self.command == "POST":
                check_survey(given)
                store.surveys[found["url"]] = given
            return 200, store.surveys.get(found["url"], {})
        if path[2] == "create_approval_template":
            store.check("workflow_approval_templates", given, None)
            made = store.add("workflow_approval_templates", given)
            found["unified_job_template"] = made["id"]
            found["related"]["unified_job_template"] = made["url"]
            return 201, _shown(made)
        return self._associate(store, "/".join(path), given, path[2])

    def _associate(self, store: Store, key: str, given: Dict[str, Any], kind: str) -> Tuple[int, Any]:
        endpoint = kind if kind in TYPES else "workflow_job_template_nodes" if kind.endswith("_nodes") else ""
        endpoint = "notification_templates" if kind.startswith("notification_templates_") else endpoint
        if not endpoint or (key.startswith("roles/") and int(key.split("/")[1]) not in store.roles):
            return 404, {"detail": "Not found."}
        known = store.associated.setdefault(key, [])
        if self.command == "GET":
            return 200, {"count": len(known), "next": None, "results": [{"id": number} for number in known]}
        if store.find(endpoint, int(given["id"])) is None:
            raise Refused({"detail": f"No {endpoint} with id {given['id']}"})
        known.remove(given["id"]) if given.get("disassociate") else known.append(given["id"])
        return 204, None


def _shown(found: Dict[str, Any]) -> Dict[str, Any]:
    """As AWX shows it: no secret is ever given back."""
    if "inputs" not in found or found["type"] != "credential":
        return found
    hidden = {key: value if key == "username" else "$encrypted$" for key, value in found["inputs"].items()}
    return {**found, "inputs": hidden}


@contextlib.contextmanager
def serving():
    """The server; ``store`` has what was made, ``refused`` the documents that AWX would have refused."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.store, server.refused, server.lock = Store(), [], threading.Lock()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
