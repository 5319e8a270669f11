"""Where Reddit's redirects lead.

A redirect is an answer: Reddit works and says that the thing is elsewhere. It is followed where it leads to what we may
ask of Reddit's own API, by path alone, so that the token never goes to another host.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urljoin, urlsplit

STATUSES = (301, 302, 303, 307, 308)
READABLE = ("r", "user", "u", "comments", "by_id")
"""First pieces of paths that can be read; sign-in pages, consent pages and forms are among the others."""

SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./~%")


@dataclass(frozen=True, slots=True)
class Place:
    """A place below Reddit's API root.

    Attributes:
        address: the whole address that Reddit gave.
        path: its path.
        query: its own parameters.
    """

    address: str
    path: str
    query: tuple[tuple[str, str], ...]

    def params(self, asked: Mapping[str, object]) -> dict[str, object]:
        """The parameters to ask with: those of the question, where the redirect does not say otherwise."""
        return {**asked, **dict(self.query)}


def address(location: str | None, url: str) -> str | None:
    """The whole address of a Location header; None where there is none, or none that can be read."""
    try:
        place = urljoin(url, (location or "").strip())
        parts = urlsplit(place)
    except ValueError:
        return None
    return place if location and parts.scheme in ("http", "https") and parts.hostname else None


def target(status: int, location: str | None, url: str, own: tuple[str, ...]) -> Place | None:
    """Where to ask instead; None where the answer is no redirect, or leads where we do not follow."""
    place = address(location, url) if status in STATUSES else None
    if place is None or not _is_reddit(place, own):
        return None
    parts = urlsplit(place)
    pieces = parts.path.strip("/").split("/")
    if is_share(urlsplit(url).path):  # whoever asks for a share link wants to know where it leads
        return None
    if pieces[0] not in READABLE or not set(parts.path) <= SAFE or ".." in pieces or "submit" in pieces:
        return None
    return Place(place, parts.path, tuple(parse_qsl(parts.query)))


def is_share(path: str) -> bool:
    """Whether a path is a share link's, such as `/r/python/s/AbCdEf1234`."""
    return re.fullmatch(r"/(?:r|u|user)/[^/]+/s/\w+/?", path) is not None


def _is_reddit(place: str, own: tuple[str, ...]) -> bool:
    """Whether a host is one of the API's own; all of reddit.com speaks of the same things."""
    host = (urlsplit(place).hostname or "").lower()
    names = {(urlsplit(url).hostname or "").lower() for url in own}
    return host in names or (host.endswith(".reddit.com") and any(name.endswith(".reddit.com") for name in names))
