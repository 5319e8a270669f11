"""Reddit's refusals as failures of ours: the one place that translates them.

What Reddit answers with was read off recorded traffic: a missing community is a 302 to /subreddits/search; a 403 tells
private, gated and quarantined by `reason`; a banned community is a 404; a revoked key shows at the token endpoint.
"""

import json
import math
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from reddit_mcp.errors import Failure, InvalidInput, NotFound, RateLimited, Unavailable, UpstreamError
from reddit_mcp.upstream.reddit_api import reddit_offers, redirects

TOKEN_PATH = "/api/v1/access_token"  # noqa: S105 - a path
HTTP_OK, HTTP_UNAUTHORIZED = 200, 401

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


class Moved(NotFound):
    """What was asked for is in another place now, which was not asked.

    Attributes:
        moved_to: the whole address of that place, as Reddit names it.
    """

    def __init__(self, message: str, *, moved_to: str, **data: Any) -> None:
        super().__init__(message, moved_to=moved_to, **data)
        self.moved_to = moved_to


def broken(status: int, what: str, service: str = "reddit") -> UpstreamError:
    """Reddit is at fault."""
    return UpstreamError(f"{what}; try again later.", status_code=status, upstream_service=service)


def declined(status: int, sentence: str, *, again: bool = False) -> UpstreamError:
    """Reddit works, and will not answer this."""
    failure = UpstreamError(sentence, status_code=status, upstream_service="reddit")
    failure.fault, failure.again = False, again
    return failure


def too_large(service: str) -> UpstreamError:
    """Reddit is at fault, and would be again: the same question has the same answer."""
    failure = UpstreamError("Reddit's answer is too large to read; ask for less.", upstream_service=service)
    failure.again = False
    return failure


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that is none.

    Attributes:
        status: of HTTP.
        headers: by their names in small letters, or in any.
        facts: the JSON object of its body; None when that is HTML or nothing.
        url: what was asked.
        resource: what the question was about, in words.
    """

    status: int
    headers: Mapping[str, str]
    facts: dict[str, Any] | None
    url: str
    resource: str

    @property
    def by_archive(self) -> bool:
        """Whether an archive in Reddit's place answered."""
        return ARCHIVE_SPAN in self.headers


def refusal(status: int, headers: Mapping[str, str], body: bytes, url: str, resource: str) -> Failure | None:
    """What Reddit's answer means as a failure; None when it is an answer."""
    if status == HTTP_OK:
        return None
    kinds = TOKEN_KINDS if urlsplit(url).path.endswith(TOKEN_PATH) else KINDS
    return _meaning(Refused(status, headers, _facts(body), url, resource), kinds)


def told_inside(payload: Any, headers: Mapping[str, str], url: str, resource: str) -> Failure | None:
    """What Reddit refuses inside an answer with status 200, as `{"error": 404}` or `{"json": {"errors": [...]}}`."""
    if not isinstance(payload, dict):
        return None
    status, inner = payload.get("error"), payload.get("json")
    if type(status) is int and status in ERROR_STATUSES:
        return _meaning(Refused(status, headers, payload, url, resource), KINDS)
    if isinstance(inner, dict) and inner.get("errors"):
        return declined(HTTP_OK, "Reddit reported an error instead of an answer; ask for something else.")
    return None


def _too_many(headers: Mapping[str, str]) -> RateLimited:
    return budget_spent(seconds(headers.get("retry-after")) or seconds(headers.get("x-ratelimit-reset")) or 60.0)


class QueueTimeout(RateLimited):
    """The queue cannot serve this request in its time; to stand in line again would change nothing."""


def budget_spent(wait: float, kind: type[RateLimited] = RateLimited, whose: str = "Reddit's") -> RateLimited:
    """A request budget is used up for `wait` seconds."""
    retry = max(1, math.ceil(wait))
    return kind(
        f"{whose} request budget is used up; try again in {retry} seconds.",
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


def _redirected(refused: Refused) -> Failure:
    """Reddit answers with a place: its search where there is no such community, its form where nobody posted a link."""
    place = redirects.whole(refused.url, refused.headers.get("location", ""))
    path = urlsplit(place).path.removesuffix("/").removesuffix(".json")
    if path.endswith("/subreddits/search"):
        return not_found(refused.resource, archive=refused.by_archive)
    if path.endswith("/submit"):  # a search for an address that nobody posted
        return not_found("post with this address", archive=refused.by_archive)
    if not place:
        sentence = f"Reddit has moved {refused.resource} and does not say where; search for it."
        return NotFound(sentence, resource=refused.resource)
    news = redirects.news(refused.url, place, refused.resource)
    return Moved(news, moved_to=place, resource=refused.resource)


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


def _hidden(refused: Refused) -> Failure:
    told = (refused.facts or {}).get("reason")
    reason = told if isinstance(told, str) else None
    return not_found(refused.resource, reason, archive=refused.by_archive)


def _forbidden(refused: Refused) -> Failure:
    """For one thing Reddit says so in JSON; its page in HTML blocks whoever asks, or the very words of the question."""
    if refused.facts is None:
        return declined(refused.status, "Reddit blocked this server's request; try again later.", again=True)
    if str(refused.facts.get("reason")) in REASONS:
        return _hidden(refused)
    return NotFound(
        f"Reddit does not show {refused.resource} to this server; ask for something else.", resource=refused.resource
    )


def _invalid(refused: Refused) -> Failure:
    return InvalidInput(f"Reddit did not accept this request: {_explanation(refused.facts)}.", issues=[])


def _unfit(refused: Refused) -> Failure:
    sentence = f"Reddit does not take such a request (HTTP {refused.status}); ask for less, or for something else."
    return declined(refused.status, sentence)


def _by_proxy(refused: Refused) -> Failure:
    sentence = f"A proxy on the way to Reddit refuses this server (HTTP {refused.status}); its operator must look."
    return declined(refused.status, sentence)


def _too_early(refused: Refused) -> Failure:
    return declined(refused.status, f"Reddit was not ready (HTTP {refused.status}); try again.", again=True)


def _in_trouble(refused: Refused) -> Failure:
    return broken(refused.status, f"Reddit is having trouble (HTTP {refused.status})")


def _not_implemented(refused: Refused) -> Failure:
    if refused.by_archive and (refused.facts or {}).get("reason") == "no_comment_index":
        return reddit_offers.not_offered(reddit_offers.NO_COMMENT_INDEX, "archive")
    return _in_trouble(refused)


def _sign_in_in_trouble(refused: Refused) -> Failure:
    return broken(refused.status, f"Reddit's sign-in is having trouble (HTTP {refused.status})", "reddit_token")


def _sign_in_refused(_refused: Refused) -> Failure:
    return bad_credentials()


Kinds = tuple[tuple[Container[int], Callable[[Refused], Failure]], ...]

ANY: Container[int] = range(100_000)
REDIRECTS = (300, 301, 302, 303, 307, 308)
ERROR_STATUSES = range(400, 600)

KINDS: Kinds = (
    (REDIRECTS, _redirected),
    ((400,), _invalid),
    ((403,), _forbidden),
    ((404, 410, 451), _hidden),
    ((407,), _by_proxy),
    ((408,), _in_trouble),
    ((421, 425), _too_early),
    ((429,), lambda refused: _too_many(refused.headers)),
    (range(401, 500), _unfit),
    ((501,), _not_implemented),
    (ANY, _in_trouble),
)
"""What each status means, the first row that has it: RFC 9110, section 15, and what content networks add (520-530).

A failure of the branch upstream_error counts against the circuit breaker where its `fault` is true, and is asked again
where its `again` is; the breaker and the retries know the other branches by themselves.
"""

TOKEN_KINDS: Kinds = (
    ((408, 421, 425), _sign_in_in_trouble),
    ((429,), lambda refused: _too_many(refused.headers)),
    (range(300, 500), _sign_in_refused),
    (ANY, _sign_in_in_trouble),
)
"""The same for the endpoint that hands out tokens."""


def _meaning(refused: Refused, kinds: Kinds) -> Failure:
    return next(make(refused) for statuses, make in kinds if refused.status in statuses)
