"""Takes secrets and personal data out of log lines, from our code and from libraries.

The last step before a line is written, for our own loggers and every library's. What is taken out leaves its kind
behind, as `[REDACTED:EMAIL]`. Names of fields and shapes of text decide, in values, keys and tracebacks at any depth.
"""

import hmac
import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

DEEPEST = 8
LONGEST = 20_000
"""Characters of one text that are looked at; the rest is dropped, never written unseen."""

_MARGIN = 600

SAFE_FIELDS = frozenset({"timestamp", "level"})
"""Written by the logging itself."""

_FIELDS = re.compile(
    r"(?:.*_)?(?:"
    r"(?P<SECRET>pass(?:word|wd|phrase)?|secrets?|credentials?|cookies?|pepper|(?:api|master|private|access)_?keys?)|"
    r"(?P<TOKEN>tokens?|authorization|bearer|jwt)|"
    r"(?P<EMAIL>e?mail(?:_?to)?)|"
    r"(?P<USER>user|user_?name|author|owner)|"
    r"(?P<IP>ip|(?:client|remote|peer|forwarded)_(?:addr(?:ess)?|host|for))|"
    r"(?P<QUERY>query|arguments|keywords)"
    r")"
)

_PLAIN = re.compile(r"[a-z_.]{0,80}|[0-9a-f]{0,64}")
"""What none of the shapes below can be: most of what a log line holds."""

_NAMED = {
    "SECRET": r"pass(?:word|wd|phrase)|(?:client[_-]?|shared[_-]?)?secret|cookie|(?:api|master|private|access)[_-]?key",
    "TOKEN": r"(?:(?:access|refresh|id|auth)[_-]?)?token",
}
"""Words in a text that say what stands after them."""

_GIVEN = r"(?<=['\"])[^'\"]{1,512}|[^\s'\",;&)\]}]{3,}"

_TEXT = re.compile(
    r"(?P<KEY>\b(?:rmcp_|apify_api_|whsec_)[A-Za-z0-9_+/=-]{6,})"
    r"|(?P<JWT>\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?)"
    r"|(?P<FERNET>\bgAAAA[A-Za-z0-9_-]{16,}={0,2})"
    r"|(?P<a>\bauthorization['\"]?\s*[:=,]\s*b?['\"]?(?:(?:bearer|basic)\s+)?)(?P<AUTHORIZATION>[^\s'\",;&)]+)"
    r"|(?P<b>\b(?:bearer|basic)\s+)(?P<TOKEN>[A-Za-z0-9._~+/=-]{8,})"
    r"|(?P<c>://)(?P<CREDENTIALS>[^\s/'\"]{1,512}(?=@))"
    rf"|(?P<d>(?:\b|[_?&])(?:{_NAMED['TOKEN']})s?['\"]?\s*[:=]\s*b?['\"]?)(?P<PARAMETER>{_GIVEN})"
    rf"|(?P<e>(?:\b|_)(?:{_NAMED['SECRET']})s?['\"]?\s*[:=]\s*b?['\"]?)(?P<SECRET>{_GIVEN})"
    r"|(?P<f>[?&](?:key|sig|signature|code|state)=)(?P<CODE>[^\s&'\"#]+)"
    r"|(?P<g>[?&](?:q|query|search_query)=)(?P<QUERY>[^\s&'\"#]+)"
    r"|(?P<EMAIL>(?<![\w.+-])[\w.+-]{1,64}(?:@|%40)(?:[\w-]{1,63}\.)+[A-Za-z]{2,24})"
    r"|(?P<USER>(?<![\w])/?(?:u|user)/[A-Za-z0-9_-]+|(?<![\w])/?r/u_[A-Za-z0-9_-]+)"
    r"|(?P<IP>(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)|(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:]))",
    re.IGNORECASE,
)
"""Each shape as `(?P<KIND>...)`; a lower-case group before it is what may stay."""


def redact(_logger: object, _method: str, event: Any) -> dict[str, Any]:
    """The structlog processor: the event without what nobody may read."""
    return {text(name): value if name in SAFE_FIELDS else _field(name, value, 1) for name, value in event.items()}


def text(content: str) -> str:
    """The text with every secret, address and name of a person replaced by its kind."""
    if _PLAIN.fullmatch(content) and "rmcp_" not in content:
        return content
    if len(content) <= LONGEST:
        return _TEXT.sub(_replaced, content)
    # what is cut in two would not be recognised, so the end of what was looked at goes too
    return _TEXT.sub(_replaced, content[: LONGEST + _MARGIN])[:-_MARGIN] + " [CUT]"


@lru_cache(maxsize=4096)
def pseudonym(identity: str, secret: bytes) -> str:
    """A caller's name in logs: the same for the same caller, and of no use without the secret."""
    return hmac.digest(secret, identity.encode(errors="replace"), "sha256").hex()[:16]


def _field(name: object, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    kind = _kind(name) if isinstance(name, str) else None
    return f"[REDACTED:{kind}]" if kind else _value(value, depth)


@lru_cache(maxsize=1024)
def _kind(name: str) -> str | None:
    """What a field of this name holds, if nobody may read it."""
    found = _FIELDS.fullmatch(name.lower().replace("-", "_"))
    return found.lastgroup if found else None


def _value(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth < DEEPEST and isinstance(value, Mapping):
        return {text(str(name)): _field(name, inner, depth + 1) for name, inner in value.items()}
    if depth < DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [_value(inner, depth + 1) for inner in value]
    return text(_shown(value))


def _shown(value: Any) -> str:
    try:
        return value.decode(errors="replace") if isinstance(value, bytes) else repr(value)
    except Exception:  # noqa: BLE001 - a broken repr must not lose the line
        return f"<{type(value).__name__}>"


def _replaced(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    if kind == "IP" and not _is_address(match[0]):
        return match[0]
    return f"{match[0][: match.start(kind) - match.start()]}[REDACTED:{kind}]"


def _is_address(found: str) -> bool:
    try:
        return bool(ipaddress.ip_address(found))
    except ValueError:
        return False
