"""What Arctic Shift's refusals mean. Its error texts are untrusted and never shown."""

import math
from collections.abc import Mapping

from reddit_mcp.errors import DeadlineExceeded, Failure, NotFound, RateLimited, Unavailable, UpstreamError
from reddit_mcp.upstream.reddit_api import response_errors
from reddit_mcp.upstream.source import Json

SERVICE = "arctic_shift"
_BAD_REQUEST, _UNPROCESSABLE, _TOO_MANY, _SERVER_ERROR = 400, 422, 429, 500
_PASSING = ("timed out", "timeout", "slow down")


class Refused(Exception):
    """It will not, or cannot now, answer this question; a narrower one may do.

    Attributes:
        timed_out: whether it says "Query timed out", so that the same may pass later.
        status: the HTTP status.
    """

    def __init__(self, status: int, *, timed_out: bool) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.timed_out = timed_out


def not_offered(instead: str) -> Unavailable:
    """Arctic Shift has no such question; `instead` says what it lacks and what to ask."""
    return Unavailable(instead, service=SERVICE, reason="not_offered_by_source")


def not_found(resource: str) -> NotFound:
    """It keeps no such thing: Reddit may have one that is too new, private, or removed."""
    return NotFound(f"Arctic Shift, the archive that answers here, has no {resource}.", resource=resource)


def spent(seconds: float) -> RateLimited:
    """Its request limit is used up for so many seconds."""
    retry = max(1, math.ceil(seconds))
    return RateLimited(
        f"Arctic Shift's request limit is used up; try again in {retry} seconds.",
        limit_type="reddit_api",
        retry_after_seconds=retry,
        service=SERVICE,
    )


def broken(status: int, what: str = "Arctic Shift answered with something unexpected") -> UpstreamError:
    """Arctic Shift is at fault."""
    return response_errors.broken(status, what, SERVICE)


def unreachable() -> UpstreamError:
    """No answer at all."""
    return UpstreamError("Arctic Shift cannot be reached; try again later.", upstream_service=SERVICE)


def too_slow(limit: float) -> DeadlineExceeded:
    """The answer was not complete in time."""
    return DeadlineExceeded(
        f"Arctic Shift did not answer within {limit:g} seconds; try again.",
        operation="arctic_shift request",
        timeout=limit,
        upstream_service=SERVICE,
    )


def overloaded(status: int) -> UpstreamError:
    """It gave up on a question, and on a narrower one."""
    return broken(status, "Arctic Shift is too busy for this question now, and a shorter time range may be answered")


def refusal(status: int, headers: Mapping[str, str], wait: float | None) -> Failure | None:
    """What a status means whatever the body says; None when the body decides."""
    if status == _TOO_MANY:
        return spent(response_errors.seconds(headers.get("retry-after")) or wait or 60.0)
    if status >= _SERVER_ERROR:
        return broken(status, f"Arctic Shift is having trouble (HTTP {status})")
    if status not in (response_errors.HTTP_OK, _BAD_REQUEST, _UNPROCESSABLE):
        return broken(status, f"Arctic Shift refused this server's request (HTTP {status})")
    return None


def content(status: int, payload: Json) -> Json:
    """The `data` of an answer.

    Raises:
        Refused: a 422, or "Query timed out" under any status.
        Failure: a 400, or something that is not its answer.
    """
    if not isinstance(payload, dict):
        raise broken(status)
    error = payload.get("error")
    said = error.lower() if isinstance(error, str) else ""
    if status == _UNPROCESSABLE or any(words in said for words in _PASSING):
        raise Refused(status, timed_out="timed out" in said)
    if status == _BAD_REQUEST:
        raise not_offered(
            "Arctic Shift, the archive that answers here, does not take this question; ask for a smaller community "
            "or account, or for a shorter time range."
        )
    if payload.get("data") is None:
        raise broken(status)
    return payload["data"]
