"""PRAW's requestor: every answer of Reddit's, the token endpoint's too, is checked here; refusals become failures."""

import contextlib
from collections.abc import Callable
from typing import Any

from prawcore.requestor import Requestor
from requests import RequestException, Response, Timeout

from reddit_mcp.bounded_body import TooLarge, Unreadable
from reddit_mcp.errors import DeadlineExceeded, UpstreamError
from reddit_mcp.upstream.rate_limit.reported_limit import ReportedLimit
from reddit_mcp.upstream.rate_limit.shared_budget import current_grant
from reddit_mcp.upstream.reddit_api import response_errors

Guard = Callable[[], contextlib.AbstractContextManager[None]]
"""What stands around each request for a token, in its thread."""


class TokenRefused(Exception):
    """Reddit answered 401: the token ended early."""


class CheckedRequestor(Requestor):
    """Sees every answer, the token endpoint's too, and turns refusals into failures before prawcore guesses at them."""

    resource = ""
    sent = 0
    budget: ReportedLimit
    sign_in_guard: Guard
    response: Response

    def request(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> Response:  # noqa: ARG002
        """Send one request; see `response_errors.refusal` for what its answer becomes."""
        method, url = args
        if url.endswith(response_errors.TOKEN_PATH):
            with self.sign_in_guard():
                return self._send(method, url, kwargs)
        if grant := current_grant.get():
            grant.leave()
        self.sent += 1
        return self._send(method, url, kwargs)

    def _send(self, method: str, url: str, kwargs: dict[str, Any]) -> Response:
        service = "reddit_token" if url.endswith(response_errors.TOKEN_PATH) else "reddit"
        try:
            # prawcore passes its own 16 s on every call; ours counts.
            self.response = self._http.request(method, url, timeout=self.timeout, **kwargs)
        except Timeout as error:
            raise too_slow(self.timeout, service) from error
        except RequestException as error:
            raise UpstreamError("Reddit cannot be reached; try again later.", upstream_service=service) from error
        except TooLarge as error:
            raise response_errors.too_large(service) from error
        except Unreadable as error:
            raise response_errors.broken(
                response_errors.HTTP_OK, "Reddit packed its answer in an unknown way", service
            ) from error
        status, headers, body = self.response.status_code, self.response.headers, self.response.content
        if not url.endswith(response_errors.TOKEN_PATH):
            self.budget.learn(headers)
            if status == response_errors.HTTP_UNAUTHORIZED:
                raise TokenRefused
        if failure := response_errors.refusal(status, headers, body, url, self.resource):
            raise failure
        return self.response


def too_slow(limit: float, service: str = "reddit") -> DeadlineExceeded:
    """Reddit took longer than this many seconds."""
    return DeadlineExceeded(
        f"Reddit did not answer within {limit:g} seconds; try again.",
        operation="reddit request",
        timeout=limit,
        upstream_service=service,
    )
