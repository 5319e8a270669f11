"""prawcore's requestor with our own rules: bounded answers, no hidden sleeps or retries, redirects followed once.

Every answer of Reddit's, the token endpoint's too, passes here before prawcore guesses at it.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from prawcore.rate_limit import RateLimiter
from prawcore.requestor import Requestor
from prawcore.sessions import FiniteRetryStrategy
from requests import RequestException, Response, Timeout

from reddit_mcp.errors import DeadlineExceeded, UpstreamError
from reddit_mcp.reddit import door, redirects
from reddit_mcp.reddit.budget import Budget
from reddit_mcp.reddit.connections import AnswerTooLarge
from reddit_mcp.reddit.tokens import current_grant


class NoSleep(RateLimiter):
    """prawcore's limiter would sleep up to minutes in its thread and fails on float headers; ours refuses at once."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(window_size=600)
        self._budget = budget

    def delay(self) -> None:
        """Refuse while Reddit's budget is used up."""
        self._budget.check()

    def update(self, *, response_headers: Mapping[str, str]) -> None:
        """Nothing: the requestor learns from every answer, this would from the good ones alone."""


class NoRetry(FiniteRetryStrategy):
    """prawcore's own retries would be invisible to our retry layer and breaker."""

    def should_retry_on_failure(self) -> bool:
        """Never."""
        return False


Guard = Callable[[], contextlib.AbstractContextManager[None]]
"""What stands around each request for a token, in its thread."""


class TokenRefused(Exception):
    """Reddit answered 401: the token ended early."""


class CheckedRequestor(Requestor):
    """Turns Reddit's refusals into failures, and follows a redirect that leads to Reddit's own API, once.

    Attributes:
        resource: what is asked about, in words.
        sent: requests of the present query so far, the token endpoint's not among them.
        followed: where a redirect led the present query; empty if none did.
        response: the latest answer.
    """

    resource = ""
    sent = 0
    followed = ""
    budget: Budget
    sign_in_guard: Guard
    response: Response

    def request(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> Response:  # noqa: ARG002
        """Send one request, or two where the first is redirected.

        Raises:
            Failure: whatever Reddit's answer means but a good one.
            TokenRefused: the token is no longer good.
        """
        method, url = args
        if url.endswith(door.TOKEN_PATH):
            with self.sign_in_guard():
                return self._checked(url, self._send(method, url, kwargs))
        response = self._ask(method, url, kwargs)
        place = redirects.target(response.status_code, response.headers.get("location"), url, self._own_hosts())
        if place and method == "GET":
            self.followed, url = place.address, self.oauth_url + place.path
            response = self._ask(method, url, {**kwargs, "params": place.params(kwargs.get("params") or {})})
        return self._checked(url, response)

    def _own_hosts(self) -> tuple[str, str]:
        return self.oauth_url, self.reddit_url

    def _ask(self, method: str, url: str, kwargs: dict[str, Any]) -> Response:
        """Send one request that the budget pays."""
        if grant := current_grant.get():
            grant.leave()
        self.sent += 1
        response = self._send(method, url, kwargs)
        self.budget.learn(response.headers)
        return response

    def _send(self, method: str, url: str, kwargs: dict[str, Any]) -> Response:
        service = "reddit_token" if url.endswith(door.TOKEN_PATH) else "reddit"
        try:
            # prawcore passes its own 16 s on every call; ours counts.
            self.response = self._http.request(method, url, timeout=self.timeout, **kwargs)
        except Timeout as error:
            raise too_slow(self.timeout, service) from error
        except AnswerTooLarge as error:
            raise door.broken(error.status, "Reddit's answer is too large to read", service) from error
        except RequestException as error:
            raise UpstreamError("Reddit cannot be reached; try again later.", upstream_service=service) from error
        return self.response

    def _checked(self, url: str, response: Response) -> Response:
        status = response.status_code
        if status == door.HTTP_UNAUTHORIZED and not url.endswith(door.TOKEN_PATH):
            raise TokenRefused
        if failure := door.refusal(status, response.headers, response.content, url, self.resource):
            raise failure
        return response


def too_slow(limit: float, service: str = "reddit") -> DeadlineExceeded:
    """Reddit did not answer within `limit` seconds."""
    return DeadlineExceeded(
        f"Reddit did not answer within {limit:g} seconds; try again.",
        operation="reddit request",
        timeout=limit,
        upstream_service=service,
    )
