# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make text from any source safe to show and to store: escaping, redaction, durations.

Secrets are recognized by structure (a name in front of the value, the parts of a URL, the shape of a token) and by
value (:func:`configured_secrets`), never by a list of hosts.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any, Collection, FrozenSet, Iterator, List, Optional, Pattern

MASK = "***"

# Joiners, which emoji and some scripts need, and non-ASCII spaces.
_HARMLESS = "\u200c\u200d\u00a0\u2007\u2009\u202f\u3000"
_SUSPECT = r"[^\x20-\x7e]"

# Names that are secret with anything in front of them (PGPASSWORD, clientSecret) ...
_LONG = (
    r"(?:password|passwd|passphrase|passcode|secret|token|authorization|signature|credentials?|cookie|"
    r"connection[_-]?string|webhook[_-]?ur[il]|"
    r"(?:api|access|private|account|encryption|signing|master|routing|integration|secret|subscription|functions)[_-]?key|"
    r"x-[\w-]*key)(?:[_-](?:id|value|confirmation|base64|b64|old|new|prod|production|staging|dev|test))?"
)
# ... and names that are secret alone or after a separator (DB_PASS); "pass" alone is a verdict of the gate.
_SHORT = r"pwd|auth|sig|jwt|sas|hmac|bearer|session(?:[_-]?id)?|(?<=[_-])pass"
_NAME = rf"(?:{_LONG}|(?<![A-Za-z0-9])(?:{_SHORT}))\d*"
_SCHEME = r"(?:bearer|basic|digest|token|splunk|geniekey|negotiate|ntlm|apikey)[ \t]+"
_NOTHING = r"(?:null|none|true|false|~)(?![\w-])"
_QUOTED = r'"(?:[^"\\\n]|\\.)*(?:"|(?=\n)|\Z)|\'(?:[^\'\\\n]|\\.|\'\')*(?:\'|(?=\n)|\Z)'
_TRIPLE = r'"""(?:.|\n)*?"""|\'\'\'(?:.|\n)*?\'\'\''
_NAMED = (
    rf"(?i)(?P<head>{_NAME}(?:\\*[\"'])?\]?[ \t]*(?:=>|[=:])[ \t]*)(?!{_NOTHING})(?:"
    # A YAML block, a text quoted once, one quoted again inside another text, or words up to a separator.
    r"(?P<block>[|>][+-]?\d*[ \t]*\n(?:[ \t]+[^\n]*(?:\n|\Z))+)|"
    rf"(?P<quoted>[bruf$@]{{0,2}}(?:{_TRIPLE}|{_QUOTED}))|(?P<level>\\+[\"'])(?:(?!(?P=level))[^\n])*(?P=level)|"
    rf"(?:{_SCHEME})?(?:(?![,;&](?:\s|[\w.-]+=|\Z))[^\s\"'{{\[\]}}\\])+)"
)
# A line of YAML or a header: the value is the rest of the line, blanks included.
_LINE = (
    rf"(?im)^(?P<head>[ \t]*(?:-[ \t]+)?(?:[\w.]*[_.-])?{_NAME}:[ \t]+)"
    rf"(?!{_NOTHING}|[\"'|>{{\[]|\\[\"'])[^\s\"'][^\n\"']*"
)
_HEADER = (
    r"(?i)(?P<head>\b(?:proxy-)?(?:authorization|cookie|set-cookie)\\*[\"']?[ \t]*[:=][ \t]*)"
    r"(?=[^\s\"'\\{\[])[^\n\"'\\]+"
)
_AFTER_SCHEME = r"(?i)(?P<head>\b(?:bearer|basic|splunk|geniekey)[ \t]+)(?P<value>[\w.~+/=:-]{8,})"
_OPTION = rf"(?i)(?P<head>(?<!\S)--?(?:[\w-]*[_-])?(?:{_LONG}|pwd|auth|pass)[ \t]+)(?!-|{_NOTHING})(?:{_QUOTED}|\S+)"
# <password>, and the lines of a netrc file.
_ELEMENT = rf"(?i)(?P<head><(?:[\w.:-]*[_.:-])?(?:{_LONG}|{_SHORT})\d*(?:\s[^<>]*)?>)[^<>]+(?=</)"
_NETRC = r"(?i)(?P<head>\blogin\s+\S+\s+(?:account\s+\S+\s+)?password\s+)\S+"
_USER_OPTION = r"(?P<head>(?<!\S)(?:-u|--user|--proxy-user)[ \t=]+[\"']?[^\s:\"']+:)[^\s\"']+"
_PEM = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)"
# A JSON web token, and keys with a vendor's prefix.
_TOKEN = (
    r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|"
    r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|xapp-|sk-|AIza|ya29\.|SG\.|hvs\.|npm_|pypi-|dckr_pat_)[\w.-]{8,}|"
    r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}\b"
)
_URL = (
    r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]{0,30}://)"
    # A password may contain an @ of its own, and unencoded even a slash.
    r"(?P<user>[^/?#\s\"'<>\\]*@|(?!\[)[^/?#\s\"'<>\\:@]*:(?!\d+[/?#])[^\s\"'<>\\@]*@(?=[\w\[]))?"
    r"(?P<host>[^/?#\s\"'<>\\]*)(?P<path>/[^?#\s\"'<>]*)?(?P<query>\?[^#\s\"'<>]*)?(?P<fragment>#[^\s\"'<>]*)?"
)
_BARE_USER = r"(?<![\w/@:.+-])(?P<head>[\w.+-]+:)(?!//)[^\s:@/\"'<>]{3,}(?=@(?!sha\d)[A-Za-z][\w.-]*(?:[:/(\s]|\Z))"
_AND = r"(&amp;|\\u0026|[&;])"
_HARMLESS_VALUE = r"[0-9][0-9.:-]{0,11}|true|false|yes|no"
_QUERY_NAME = rf"(?i)(?:.*(?:{_LONG}|key)|(?:.*[_.-])?(?:{_SHORT}|pass|code|sid|pin|otp|hash))\d*"
_SECRET_KEY = rf"(?i)(?:.*(?:{_LONG})|(?:.*[_-])?(?:pwd|auth|sig|jwt|sas|hmac|bearer|session(?:[_-]?id)?|pass))\d*"
# The path component after one of these is the credential of a webhook.
_HOOK = (
    r"(?i)(?:web)?hooks?(?:b\d+)?|incoming(?:webhook)?|integrations?|push|"
    r"(?:api|access|auth)?[_-]?(?:key|token|secret)s?"
)
_HOOK_HOST = r"(?:web)?hooks?"
_UUID = r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SHORTEST_ANYWHERE = 6


@cache
def _compiled(pattern: str, flags: int = 0) -> Pattern[str]:
    # Compiled on first use, because most modules import this file without masking anything.
    return re.compile(pattern, flags)


def printable(text: str, longest: Optional[int] = 1000, *, multiline: bool = False) -> str:
    """Make every character visible: controls, direction marks and lone surrogates become escapes.

    :param longest: truncate to this many characters and state the full length; None for no limit.
    :param multiline: keep line feeds and tabs.
    """
    shown = text[:longest]
    if not shown.isprintable():
        keep = _HARMLESS + "\n\t" if multiline else _HARMLESS
        shown = _compiled(_SUSPECT).sub(lambda match: _escaped(match.group(), keep), shown)
    return shown if longest is None or len(text) <= longest else f"{shown}… ({len(text):,} characters)"


def format_duration(seconds: float) -> str:
    """Format a duration in at most two units: ``3 min 20 s``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def redact(value: Any, secrets: Collection[str] = ()) -> Any:
    """Return a copy of a value (text, mapping, list) with secrets masked and every character visible.

    :param secrets: values to mask wherever they occur, from :func:`configured_secrets`.
    """
    if isinstance(value, str):
        return printable(mask_secrets(value, secrets), None, multiline=True)
    if isinstance(value, dict):
        return {redact(key, secrets): _redact_entry(key, entry, secrets) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(entry, secrets) for entry in value]
    return value


def mask_secrets(text: str, secrets: Collection[str] = ()) -> str:
    """Replace every secret in a text by :data:`MASK`; idempotent.

    :param secrets: values to mask wherever they occur, from :func:`configured_secrets`.
    """
    if secrets:
        text = _any_of(frozenset(secrets)).sub(MASK, text)
    if "PRIVATE KEY" in text:
        text = _compiled(_PEM, re.DOTALL).sub(MASK, text)
    if "://" in text:
        text = _compiled(_URL).sub(_mask_url, text)
    for pattern in (_LINE, _HEADER, _NAMED, _OPTION, _USER_OPTION, _ELEMENT, _NETRC):
        text = _compiled(pattern).sub(_mask_named, text)
    text = _compiled(_AFTER_SCHEME).sub(_mask_after_scheme, text)
    text = _compiled(_TOKEN).sub(MASK, text)
    return _compiled(_BARE_USER).sub(rf"\g<head>{MASK}", text) if "@" in text else text


def configured_secrets(*values: Any) -> FrozenSet[str]:
    """Return every secret in a configuration (texts, lists, mappings), in each spelling that may occur in a text.

    Secrets are values under a secret name, all values of a mapping named ``headers``, and, in a URL, the user
    information, every query value, and the opaque path components.
    """
    found = {spelling for value in values for secret in _secrets_in(value) for spelling in _spellings(secret)}
    return frozenset(each for each in found if each and each != MASK)


def is_secret_name(name: str) -> bool:
    """Whether the value under this name (of a variable, option, header or member) is a secret."""
    return bool(_compiled(_SECRET_KEY).fullmatch(name))


# ---- by name


def _redact_entry(key: Any, entry: Any, secrets: Collection[str]) -> Any:
    if isinstance(key, str) and is_secret_name(key):
        return _mask_all(entry)
    if isinstance(key, str) and key.lower().endswith("headers") and isinstance(entry, dict):
        return {redact(name, secrets): _mask_all(value) for name, value in entry.items()}
    return redact(entry, secrets)


def _mask_all(entry: Any) -> Any:
    if isinstance(entry, dict):
        return {redact(key): _mask_all(value) for key, value in entry.items()}
    if isinstance(entry, (list, tuple)):
        return [_mask_all(each) for each in entry]
    return entry if entry is None or entry == "" or isinstance(entry, bool) else MASK


def _mask_named(match: re.Match[str]) -> str:
    found = match.groupdict()
    level = found.get("level") or ""
    quoted = (found.get("quoted") or "").lstrip("bBrRuUfF$@")
    if quoted:
        # An empty value is kept, because it is not a secret.
        return (
            match.group()
            if len(quoted) == 2 and quoted[0] == quoted[1]
            else f"{match['head']}{quoted[0]}{MASK}{quoted[0]}"
        )
    return f"{match['head']}{level}{MASK}{level}" + ("\n" if found.get("block") else "")


def _mask_after_scheme(match: re.Match[str]) -> str:
    value = match["value"]
    # "Basic authentication" is prose.
    secret = len(value) >= 16 or any(character.isdigit() or character == "=" for character in value)
    return match["head"] + MASK if secret else match.group()


# ---- in a URL


def _mask_url(match: re.Match[str]) -> str:
    path, query, fragment = (match[name] or "" for name in ("path", "query", "fragment"))
    return "".join(
        (
            match["scheme"],
            f"{MASK}@" if match["user"] else "",
            match["host"],
            path if match["scheme"].lower() == "file://" else _mask_path(match["host"], path),
            query[:1] + _mask_query(query[1:]),
            fragment[:1] + _mask_query(fragment[1:]),
        )
    )


def _mask_path(host: str, path: str) -> str:
    parts = path.split("/")
    hook = any(_compiled(_HOOK_HOST).fullmatch(label) for label in host.lower().split("."))
    for position, part in enumerate(parts):
        if hook and part:
            return "/".join([*parts[:position], MASK])
        # Slack's path, on any host.
        slack = part == "services" and parts[position + 1 : position + 2] and parts[position + 1][:1] == "T"
        hook = hook or bool(slack or _compiled(_HOOK).fullmatch(part))
        if is_opaque(part):
            parts[position] = MASK
    return "/".join(parts)


def _mask_query(query: str) -> str:
    pieces = _compiled(_AND).split(query)
    return "".join(piece if position % 2 else _mask_pair(piece) for position, piece in enumerate(pieces))


def _mask_pair(pair: str) -> str:
    name, mark, value = pair.partition("=")
    if not mark:
        return MASK if is_opaque(name) else name
    secret = _compiled(_QUERY_NAME).fullmatch(name) or not _compiled(_HARMLESS_VALUE).fullmatch(value)
    return f"{name}={MASK}" if value and secret else pair


def is_opaque(part: str, shortest: int = 16) -> bool:
    """Whether a path component looks like a key rather than words, numbers or a date."""
    if _compiled(r"(?:bot)?\d+:[\w-]{6,}").fullmatch(part) or _compiled(_UUID).search(part):
        return True
    if len(part) < shortest or _compiled(r".*[0-9]{8}T[0-9]{6}Z.*").fullmatch(part):
        return False
    return any(_is_random(piece, shortest) for piece in re.split(r"[-_.~:@+=%]", part))


def _is_random(piece: str, shortest: int) -> bool:
    kinds = ["0" if each.isdigit() else "A" if each.isupper() else "a" for each in piece]
    changes = sum(before != after for before, after in zip(kinds, kinds[1:]))
    if "0" in kinds and len(set(kinds)) > 1:
        return len(piece) >= min(10, shortest) and changes >= 3
    if set(kinds) == {"A"}:
        return len(piece) >= shortest
    if set(kinds) == {"a"}:
        return len(piece) >= 24
    # CamelCase words change case half as often as random letters.
    return "A" in kinds and len(piece) >= shortest and changes > 0.35 * len(piece)


# ---- by value


@lru_cache(maxsize=8)
def _any_of(secrets: FrozenSet[str]) -> Pattern[str]:
    longest_first = sorted(secrets, key=lambda secret: (-len(secret), secret))
    # A short secret is masked only as a whole word, because it would occur inside many others.
    return re.compile(
        "|".join(
            re.escape(each) if len(each) >= _SHORTEST_ANYWHERE else rf"(?<!\w){re.escape(each)}(?!\w)"
            for each in longest_first
        )
    )


def _secrets_in(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        inherited = name if name and (is_secret_name(name) or name.lower().endswith("headers")) else ""
        for key, entry in value.items():
            yield from _secrets_in(entry, inherited or str(key))
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from _secrets_in(entry, name)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
        if name and (is_secret_name(name) or name.lower().endswith("headers")):
            yield from _named_secret(str(value))
        yield from _secrets_of_urls(str(value))


def _named_secret(value: str) -> Iterator[str]:
    yield value
    scheme, _blank, rest = value.partition(" ")
    if rest and _compiled(rf"(?i){_SCHEME}").fullmatch(f"{scheme} "):
        yield rest.strip()


def _secrets_of_urls(text: str) -> Iterator[str]:
    for match in _compiled(_URL).finditer(text) if "://" in text else ():
        if match["user"]:
            yield from _secrets_of_user(match["user"][:-1])
        for part in (match["path"] or "").split("/"):
            if is_opaque(part, 8):
                yield part
        for pair in _compiled(_AND).split((match["query"] or "")[1:])[::2]:
            name, _mark, value = pair.partition("=")
            plain = _compiled(rf"(?i)[a-z]{{0,15}}|{_HARMLESS_VALUE}").fullmatch(value)
            if not plain or _compiled(_QUERY_NAME).fullmatch(name):
                yield value


def _secrets_of_user(user: str) -> Iterator[str]:
    from base64 import b64encode
    from urllib.parse import unquote

    name, mark, password = user.partition(":")
    if mark and password:
        yield password
        yield b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode("ascii")
    elif is_opaque(name, 8):
        yield name


def _spellings(secret: str) -> List[str]:
    from json import dumps
    from urllib.parse import quote, quote_plus, unquote_plus

    found = [secret, unquote_plus(secret)]
    found += [form(each, safe) for each in found for form in (quote, quote_plus) for safe in ("", "/")]
    return [*found, *(dumps(each, ensure_ascii=ascii_only)[1:-1] for each in found[:2] for ascii_only in (True, False))]


def _escaped(character: str, keep: str) -> str:
    if character.isprintable() or character in keep:
        return character
    return character.encode("unicode_escape").decode("ascii")
