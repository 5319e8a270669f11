"""Where a redirect of Reddit's leads: whether it may be followed there, and how people call that place.

A token is only ever sent to Reddit's API, for of a place that is followed the path alone is used.
"""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import TypeVar
from urllib.parse import parse_qsl, urljoin, urlsplit

from reddit_mcp.models import Value
from reddit_mcp.upstream.source import Query

T = TypeVar("T", bound=Value)

LONGEST_PLACE, MOST_PARAMS = 2_000, 20
"""Characters of an address that Reddit may lead to, and the parameters in it."""

_API = re.compile(r"/(?:r|u|user|comments|api|by_id|duplicates)/[A-Za-z0-9_\-.~+,:@%/]+")
"""Paths of the API that hold what was asked for; not its forms for signing in, for consent, or for posting."""

_TRICKS = re.compile(r"//|/\.{1,2}(?:/|$)|%(?:2e|2f|5c|25|[01][0-9a-f]|7f)", re.IGNORECASE)
_SHARED = re.compile(r"/(?:r|u|user)/[^/]+/s/[^/]+/?$")
"""A share link: where it leads is what is asked of it."""


def whole(asked: str, location: str) -> str:
    """The address that a `Location` means (RFC 9110, 10.2.2); nothing where it means none that may be shown."""
    try:
        place = urljoin(asked, location)
        parts = urlsplit(place)
        is_link = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return ""
    is_plain = len(place) <= LONGEST_PLACE and place.isascii() and place.isprintable() and " " not in place
    return place if location and is_link and is_plain else ""


def target(query: Query[T], place: str, apis: Collection[str]) -> Query[T] | None:
    """The question to ask instead, with what was asked for kept; None where the place is not to be asked.

    Args:
        query: what was asked.
        place: a whole address.
        apis: addresses of which the host is Reddit's API.
    """
    parts = urlsplit(place)
    if query.method != "GET" or _SHARED.fullmatch(query.path) or _host(place) not in map(_host, apis):
        return None
    if not _API.fullmatch(parts.path) or _TRICKS.search(parts.path):
        return None
    params = dict(parse_qsl(parts.query)) | dict(query.params)
    return replace(query, path=parts.path, params=tuple(params.items())) if len(params) <= MOST_PARAMS else None


def _host(address: str) -> tuple[str | None, int | None]:
    """The host, and the port where it is not the scheme's own: a redirect may name http where https is meant."""
    parts = urlsplit(address)
    try:
        return parts.hostname, None if parts.port in (80, 443) else parts.port
    except ValueError:
        return None, -1


def news(asked: str, place: str, resource: str) -> str:
    """What to ask for instead, in a sentence."""
    before, now = _named(asked), _named(place)
    if before and now and before[0] == now[0] and before[1].lower() != now[1].lower():
        return f"{'/'.join(before)} is now {'/'.join(now)}; ask for that."
    return f"Reddit has moved {resource}; ask for {place.partition('?')[0]} instead."


def _named(address: str) -> tuple[str, str] | None:
    """The community or user that an address is about, as people write it."""
    match urlsplit(address).path.split("/"):
        case ["", "r" | "u" | "user" as kind, name, *_] if re.fullmatch(r"[\w\-]+", name, re.ASCII):
            return ("r" if kind == "r" else "u", name)
    return None
