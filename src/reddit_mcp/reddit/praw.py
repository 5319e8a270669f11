"""PRAW as the transport at the bottom of the onion: raw JSON out, one thread a request, no hidden retries or sleeps.

PRAW is not thread-safe, so each instance has one borrower at a time. The private seams of PRAW and prawcore touched
here (`_core`, `_rate_limiter`, `_retry_strategy_class`, `_clear_access_token`) are each held by a test.
"""

import asyncio
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import praw
from prawcore.exceptions import OAuthException, PrawcoreException
from prawcore.rate_limit import RateLimiter
from prawcore.requestor import Requestor
from prawcore.sessions import FiniteRetryStrategy, Session
from requests import RequestException, Response, Timeout

from reddit_mcp.errors import DeadlineExceeded, Failure, UpstreamError
from reddit_mcp.models import Value
from reddit_mcp.reddit import door
from reddit_mcp.reddit.budget import Budget
from reddit_mcp.reddit.connections import AbortableSession
from reddit_mcp.reddit.parse import UnexpectedShape, parse, unescape
from reddit_mcp.reddit.source import Answer, Json, Query

if TYPE_CHECKING:
    from prawcore.auth import Authorizer

T = TypeVar("T", bound=Value)

ESCAPED = re.compile(rb'_html":\s?"&lt;|redd\.it/[^"\s]*&amp;s=')
"""Signs that this answer's text is HTML-escaped although `raw_json=1` was sent, as archives and proxies may do."""


class _NoSleep(RateLimiter):
    """prawcore's limiter would sleep up to minutes in its thread and fails on float headers; ours refuses at once."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(window_size=600)
        self._budget = budget

    def delay(self) -> None:
        self._budget.check()

    def update(self, *, response_headers: Mapping[str, str]) -> None:
        self._budget.learn(response_headers)


class _NoRetry(FiniteRetryStrategy):
    """prawcore's own retries would be invisible to our retry layer and breaker."""

    def should_retry_on_failure(self) -> bool:
        return False


class TokenRefused(Exception):
    """Reddit answered 401: the token ended early."""


class _Door(Requestor):
    """Sees every answer, the token endpoint's too, and turns refusals into failures before prawcore guesses at them."""

    resource = ""
    response: Response

    def request(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> Response:  # noqa: ARG002
        method, url = args
        try:
            # prawcore passes its own 16 s on every call; ours counts.
            self.response = self._http.request(method, url, timeout=self.timeout, **kwargs)
        except Timeout as error:
            raise _too_slow(self.timeout) from error
        except RequestException as error:
            raise UpstreamError("Reddit cannot be reached; try again later.", upstream_service="reddit") from error
        status, headers, body = self.response.status_code, self.response.headers, self.response.content
        if status == door.HTTP_UNAUTHORIZED and not url.endswith(door.TOKEN_PATH):
            raise TokenRefused
        if failure := door.refusal(status, headers, body, url, self.resource):
            raise failure
        return self.response


def _too_slow(limit: float) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"Reddit did not answer within {limit:g} seconds; try again.", operation="reddit request", timeout=limit
    )


@dataclass(frozen=True, slots=True)
class Application:
    """A Reddit application's credentials and where its API is; `timeout` is in seconds for one request."""

    client_id: str
    client_secret: str
    user_agent: str
    oauth_url: str
    reddit_url: str
    timeout: float


class _Instance:
    """One PRAW instance with its connection and its token."""

    def __init__(self, app: Application, budget: Budget) -> None:
        self.http = AbortableSession()
        # Everything is passed, so that neither a praw.ini nor a praw_* variable decides whose token is used.
        reddit = praw.Reddit(
            "DEFAULT",
            client_id=app.client_id,
            client_secret=app.client_secret,
            user_agent=app.user_agent,
            oauth_url=app.oauth_url,
            reddit_url=app.reddit_url,
            requestor_class=_Door,
            requestor_kwargs={"session": self.http, "timeout": app.timeout},
            username=None,
            password=None,
            refresh_token=None,
            redirect_uri=None,
            check_for_updates=False,
            check_for_async=False,
        )
        self._core: Session = reddit._core  # type: ignore[assignment]  # noqa: SLF001 - untyped there
        self._core._rate_limiter = _NoSleep(budget)  # noqa: SLF001
        self._core._retry_strategy_class = _NoRetry  # noqa: SLF001
        self._reddit = reddit

    def request(self, query: Query[T]) -> tuple[T, Mapping[str, str], int]:
        """Ask in this thread; a refused token is renewed and the request repeated once."""
        try:
            return (*self._ask(query), 1)
        except TokenRefused:
            self._core.authorizer._clear_access_token()  # type: ignore[no-untyped-call]  # noqa: SLF001
        try:
            return (*self._ask(query), 2)
        except TokenRefused:
            raise door.bad_credentials() from None

    def sign_in(self) -> None:
        """Fetch a token in this thread."""
        try:
            cast("Authorizer", self._core.authorizer).refresh()
        except (PrawcoreException, ValueError, KeyError, TypeError) as error:
            raise door.bad_credentials() from error

    def _ask(self, query: Query[T]) -> tuple[T, Mapping[str, str]]:
        requestor = cast("_Door", self._core.requestor)
        requestor.resource = query.resource
        payload = self._payload(query)
        response = requestor.response
        try:
            _reject_errors(payload)
            if ESCAPED.search(response.content):
                payload = unescape(payload)
            return parse(query.model, payload), response.headers
        except (UnexpectedShape, RecursionError) as error:
            raise door.broken(response.status_code, "Reddit answered with something unexpected") from error

    def _payload(self, query: Query[T]) -> Json:
        params = dict(query.params)
        try:
            if query.method == "POST":
                return self._reddit.request(method="POST", path=query.path, data=params)
            return self._reddit.request(method="GET", path=query.path, params={**params})
        except (Failure, TokenRefused):
            raise
        except OAuthException as error:
            raise door.bad_credentials() from error
        except (PrawcoreException, ValueError, KeyError, TypeError, RecursionError) as error:
            raise door.broken(door.HTTP_OK, "Reddit answered with something that is not its JSON") from error


def _reject_errors(payload: Json) -> None:
    """Reddit reports some failures inside a 200: `{"json": {"errors": [[code, text, field]]}}`."""
    inner = payload.get("json") if isinstance(payload, dict) else None
    if isinstance(inner, dict) and inner.get("errors"):
        raise door.broken(door.HTTP_OK, "Reddit reported an error instead of an answer")


class Praw:
    """The Source that asks Reddit, with at most `threads` requests at once."""

    def __init__(self, app: Application, threads: int = 8) -> None:
        self.budget = Budget()
        self._app = app
        self._places = asyncio.Semaphore(threads)
        self._idle: list[_Instance] = []  # last in, first out: few tokens are fetched while the load is low
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="reddit")

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Ask Reddit once; the whole exchange, a slow drip included, ends within the application's timeout."""
        async with self._places:
            instance = self._idle.pop() if self._idle else _Instance(self._app, self.budget)
            try:
                value, headers, calls = await self._in_thread(instance, query)
            except Failure:
                self._idle.append(instance)
                raise
            self._idle.append(instance)
        return Answer(value, calls=calls, ttl=query.ttl, archive=_span(headers))

    async def sign_in(self) -> None:
        """Fetch a token, as a check of the application's credentials."""
        await asyncio.get_running_loop().run_in_executor(self._threads, _Instance(self._app, self.budget).sign_in)

    async def _in_thread(self, instance: _Instance, query: Query[T]) -> tuple[T, Mapping[str, str], int]:
        future = asyncio.get_running_loop().run_in_executor(self._threads, instance.request, query)
        try:
            async with asyncio.timeout(self._app.timeout):
                return await asyncio.shield(future)
        except TimeoutError:
            await self._end(instance, future)
            raise _too_slow(self._app.timeout) from None
        except asyncio.CancelledError:
            await self._end(instance, future)
            raise

    async def _end(self, instance: _Instance, future: asyncio.Future[Any]) -> None:
        """A thread cannot be cancelled, but its sockets can be shut: it ends at once and gives its place back."""
        instance.http.abort()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def aclose(self) -> None:
        """Give the threads and connections back."""
        for instance in self._idle:
            instance.http.close()
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)


def _span(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """The archive server says which time it covers; Reddit itself has no such header."""
    oldest, _, newest = headers.get("x-archive-span", "").partition("-")
    return (int(oldest), int(newest)) if oldest.isdecimal() and newest.isdecimal() else None
