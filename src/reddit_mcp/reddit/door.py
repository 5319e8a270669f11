"""The one door through which Reddit's refusals become our failures.

What Reddit answers with was read off recorded traffic: a missing community is a 302 to /subreddits/search; a 403 tells
private, gated and quarantined by `reason`; a banned community is a 404; a revoked key shows at the token endpoint.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from reddit_mcp.errors import Failure, InvalidInput, NotFound, RateLimited, Unavailable, UpstreamError, UpstreamRefusal
from reddit_mcp.reddit import redirects

TOKEN_PATH = "/api/v1/access_token"  # noqa: S105 - a path
HTTP_OK, HTTP_UNAUTHORIZED, HTTP_FORBIDDEN, HTTP_TOO_MANY, HTTP_SERVER_ERROR = 200, 401, 403, 429, 500

OUR_FAULT = frozenset({405, 406, 409, 410, 411, 412, 413, 414, 415, 417, 418, 422, 428, 431})
"""Statuses of a Reddit that works and will not answer this one request (RFC 9110, 15.5): they tell nothing of it."""

REASONS = {
    "private": "is private: only its members may read it",
    "gated": "is gated: Reddit shows it only to signed-in people who accept its warning",
    "quarantined": "is quarantined: Reddit shows it only to signed-in people who opt in",
    "banned": "was banned by Reddit",
    "suspended": "is suspended by Reddit",
}


ARCHIVE_SPAN = "x-archive-span"
"""The header by which an archive in Reddit's place says which time it covers."""


def not_found(resource: str, reason: str | None = None, *, archive: bool = False) -> NotFound:
    """No such thing, or Reddit does not show it.

    Args:
        resource: what was asked for, in words.
        reason: Reddit's own word for why it is hidden.
        archive: whether an archive answered, whose gaps tell nothing of Reddit.
    """
    if reason in REASONS:
        sentence = f"{resource[0].upper()}{resource[1:]} {REASONS[reason]}; ask for something else."
        return NotFound(sentence, resource=resource, reason=reason)
    if archive:
        return NotFound(
            f"The archive that answers here has no {resource}; it holds a part of Reddit only, so look for something "
            "else in it with search_reddit.",
            resource=resource,
        )
    return NotFound(f"There is no {resource} on Reddit; check the spelling.", resource=resource)


def bad_credentials() -> Unavailable:
    """Reddit refuses the application itself, not what was asked for."""
    return Unavailable(
        "Reddit refuses this server's application credentials; its operator must renew them.",
        service="reddit",
        reason="reddit_credentials",
    )


def broken(status: int, what: str, service: str = "reddit") -> UpstreamError:
    """Reddit is at fault."""
    return UpstreamError(f"{what}; try again later.", status_code=status, upstream_service=service)


def refusal(status: int, headers: Mapping[str, str], body: bytes, url: str, resource: str) -> Failure | None:
    """What Reddit's answer means as a failure; None when it is an answer."""
    if url.split("?", 1)[0].endswith(TOKEN_PATH):
        return _token_refusal(status, headers)
    match status:
        case 200:
            return None
        case 429:
            return _too_many(headers)
        case 400:
            return InvalidInput(f"Reddit did not accept this request: {_explanation(_facts(body))}.", issues=[])
        case 403 | 404 | 451:
            return _hidden(status, headers, _facts(body), resource)
        case _ if status in redirects.STATUSES:
            return _redirected(headers, url, resource)
        case _ if status in OUR_FAULT:
            return UpstreamRefusal(
                f"Reddit refuses this request (HTTP {status}); ask for something smaller or simpler.",
                status_code=status,
                upstream_service="reddit",
            )
    return broken(status, f"Reddit is having trouble (HTTP {status})")


def _token_refusal(status: int, headers: Mapping[str, str]) -> Failure | None:
    if status == HTTP_OK:
        return None
    if status == HTTP_TOO_MANY:
        return _too_many(headers)
    if status >= HTTP_SERVER_ERROR:
        return broken(status, f"Reddit's sign-in is having trouble (HTTP {status})", "reddit_token")
    return bad_credentials()


def _too_many(headers: Mapping[str, str]) -> RateLimited:
    return spent(seconds(headers.get("retry-after")) or seconds(headers.get("x-ratelimit-reset")) or 60.0)


class NoTurn(RateLimited):
    """The queue cannot serve this request in its time; to stand in line again would change nothing."""


def spent(wait: float, kind: type[RateLimited] = RateLimited) -> RateLimited:
    """Reddit's request budget is used up for `wait` seconds."""
    retry = max(1, math.ceil(wait))
    return kind(
        f"Reddit's request budget is used up; try again in {retry} seconds.",
        limit_type="reddit_api",
        retry_after_seconds=retry,
    )


def seconds(header: str | None) -> float | None:
    """A header's number of seconds, when it holds a sane one."""
    try:
        value = float(header or "")
    except ValueError:
        return None
    return value if 0 < value <= 86_400 else None  # noqa: PLR2004 - a day


def _redirected(headers: Mapping[str, str], url: str, resource: str) -> Failure:
    """A redirect that is not followed: it leads to a page for people, elsewhere, or on and on."""
    place = redirects.address(headers.get("location"), url)
    path = urlsplit(place or "").path
    archive = ARCHIVE_SPAN in headers
    if "/subreddits/search" in path:
        return not_found(resource, archive=archive)
    if "/submit" in path:  # a search for an address that nobody posted
        return not_found("post with this address", archive=archive)
    return moved(resource, place)


def moved(resource: str, place: str | None) -> NotFound:
    """The thing is not where it was asked for; Reddit names another place."""
    if place is None:
        return NotFound(f"Reddit sends whoever asks for {resource} elsewhere without saying where.", resource=resource)
    return NotFound(
        f"Reddit has moved {resource}; ask for {_known_by(place)} instead.", resource=resource, moved_to=place[:500]
    )


def _known_by(place: str) -> str:
    """The shortest name of an address that a tool understands."""
    path = urlsplit(place).path
    if post := re.search(r"/comments/(\w+)", path):
        return f"post {post[1]}"
    community = re.match(r"/r/(\w+)/?", path)
    return f"r/{community[1]}" if community else place[:200]


def _facts(body: bytes) -> dict[str, Any] | None:
    """The JSON object of an error body; None when it is HTML or nothing."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _explanation(facts: dict[str, Any] | None) -> str:
    for name in ("explanation", "message", "reason"):
        if facts and isinstance(text := facts.get(name), str) and text:
            return text[:200]
    return "no reason given"


def _hidden(status: int, headers: Mapping[str, str], facts: dict[str, Any] | None, resource: str) -> Failure:
    if facts is None and status == HTTP_FORBIDDEN:
        return broken(status, "Reddit blocked this server's request")
    told = (facts or {}).get("reason")
    reason = told if isinstance(told, str) else None
    if status == HTTP_FORBIDDEN and reason not in REASONS:
        return NotFound(f"Reddit does not show {resource} to this server; ask for something else.", resource=resource)
    return not_found(resource, reason, archive=ARCHIVE_SPAN in headers)
