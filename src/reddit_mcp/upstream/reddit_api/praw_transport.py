"""PRAW as the transport at the bottom of the onion: raw JSON out, one thread a request, no hidden retries or sleeps.

PRAW is not thread-safe, so each instance has one borrower at a time. The private seams of PRAW and prawcore touched
here (`_core`, `_rate_limiter`, `_retry_strategy_class`, `_clear_access_token`) are each held by a test.
"""

import asyncio
import contextlib
import contextvars
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar, cast

import praw
from praw.config import Config
from prawcore.exceptions import OAuthException, PrawcoreException
from prawcore.rate_limit import RateLimiter
from prawcore.sessions import FiniteRetryStrategy, Session

from reddit_mcp.errors import Failure, UpstreamError
from reddit_mcp.models import Listing, Value
from reddit_mcp.upstream.rate_limit.reported_limit import ReportedLimit
from reddit_mcp.upstream.reddit_api import date_range, reddit_offers, redirects, response_errors
from reddit_mcp.upstream.reddit_api.abortable_http import AbortableSession
from reddit_mcp.upstream.reddit_api.parsing import UnexpectedShape, escaped, parse, unescaped
from reddit_mcp.upstream.reddit_api.requestor import CheckedRequestor, Guard, TokenRefused, too_slow
from reddit_mcp.upstream.reddit_api.text import untrusted_text
from reddit_mcp.upstream.source import Answer, Json, Query

if TYPE_CHECKING:
    from prawcore.auth import Authorizer

T = TypeVar("T", bound=Value)

MALFORMED = (PrawcoreException, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What PRAW makes of an answer, or of a token, that is not Reddit's JSON."""


class _NoSleep(RateLimiter):
    """prawcore's limiter would sleep up to minutes in its thread and fails on float headers; ours refuses at once."""

    def __init__(self, budget: ReportedLimit) -> None:
        super().__init__(window_size=600)
        self._budget = budget

    def delay(self) -> None:
        self._budget.check()

    def update(self, *, response_headers: Mapping[str, str]) -> None:
        """Nothing: the requestor learns from every answer, this would from the good ones alone."""


class _NoRetry(FiniteRetryStrategy):
    """prawcore's own retries would be invisible to our retry layer and breaker."""

    def should_retry_on_failure(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class RedditApplication:
    """A Reddit application's credentials and where its API is.

    Attributes:
        timeout: seconds for one request.
        edition: which data answers where an archive does; caches keep the answers of each apart.
    """

    client_id: str
    client_secret: str
    user_agent: str
    oauth_url: str
    reddit_url: str
    timeout: float
    edition: str = ""


class _Instance:
    """One PRAW instance with its connection and its token."""

    def __init__(self, app: RedditApplication, budget: ReportedLimit, sign_in_guard: Guard) -> None:
        self.http = AbortableSession()
        _ignore_files()
        # Everything is passed, so that neither a praw.ini nor a praw_* variable decides whose token is used.
        reddit = praw.Reddit(
            "DEFAULT",
            client_id=app.client_id,
            client_secret=app.client_secret,
            user_agent=app.user_agent,
            oauth_url=app.oauth_url,
            reddit_url=app.reddit_url,
            requestor_class=CheckedRequestor,
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
        self._door = cast("CheckedRequestor", self._core.requestor)
        self._door.budget = budget
        self._door.sign_in_guard = sign_in_guard
        self._apis = (app.oauth_url, app.reddit_url)
        self._reddit = reddit

    def request(self, query: Query[T]) -> tuple[T, Mapping[str, str], int]:
        """Ask in this thread; where Reddit leads to another place of its API, ask there, once."""
        self._door.sent = 0
        try:
            answer = self._renewing(query)
        except response_errors.Moved as moved:
            answer = self._followed(query, moved)
        return (*answer, self.sent)

    def _followed(self, query: Query[T], moved: response_errors.Moved) -> tuple[T, Mapping[str, str]]:
        target = redirects.target(query, moved.moved_to, self._apis)
        if target is None:
            raise moved
        try:
            return self._renewing(target)
        except response_errors.Moved:
            raise moved from None  # on and on, perhaps in a ring
        except UpstreamError as error:
            if error.data.get("status_code") != response_errors.HTTP_OK:
                raise
            raise moved from error  # there is a page, and it is not what was asked for

    def _renewing(self, query: Query[T]) -> tuple[T, Mapping[str, str]]:
        """Ask; a refused token is renewed and the request repeated once."""
        with contextlib.suppress(TokenRefused):
            return self._ask(query)
        self._core.authorizer._clear_access_token()  # type: ignore[no-untyped-call]  # noqa: SLF001
        try:
            return self._ask(query)
        except TokenRefused:
            raise response_errors.bad_credentials() from None

    @property
    def sent(self) -> int:
        """Requests that left for the present query, the token endpoint's not among them."""
        return self._door.sent

    def sign_in(self) -> None:
        """Fetch a token in this thread."""
        with self.http, _translated():
            cast("Authorizer", self._core.authorizer).refresh()

    def _ask(self, query: Query[T]) -> tuple[T, Mapping[str, str]]:
        self._door.resource = query.resource
        payload = self._payload(query)
        response = self._door.response
        try:
            if failure := response_errors.told_inside(
                payload, response.headers, self._reddit.config.oauth_url, query.resource
            ):
                raise failure
            if escaped(response.content) and not _span(response.headers):
                payload = unescaped(response.content)
            return parse(query.model, payload), response.headers
        except UnexpectedShape as error:
            raise response_errors.broken(response.status_code, "Reddit answered with something unexpected") from error

    def _payload(self, query: Query[T]) -> Json:
        params: dict[str, Any] = dict(query.params)
        with _translated():
            if query.method == "POST":
                return self._reddit.request(method="POST", path=query.path, data=params)
            return self._reddit.request(method="GET", path=query.path, params=params)


def _ignore_files() -> None:
    """Give PRAW its own defaults: a praw.ini in the working directory may be planted, or broken."""
    config = ConfigParser(interpolation=None)
    config.read_string(files("praw").joinpath("praw.ini").read_text())
    Config.CONFIG = config


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn what PRAW raises into our failures."""
    try:
        yield
    except OAuthException as error:
        raise response_errors.bad_credentials() from error
    except MALFORMED as error:
        raise response_errors.broken(
            response_errors.HTTP_OK, "Reddit answered with something that is not its JSON"
        ) from error


class PrawTransport:
    """The Source that asks Reddit, with at most `threads` requests at once."""

    def __init__(self, app: RedditApplication, threads: int = 8, sign_in_guard: Guard = contextlib.nullcontext) -> None:
        self._sign_in_guard = sign_in_guard
        self.budget = ReportedLimit()
        self.cleaned = untrusted_text.Tally()
        self._app = app
        self._places = asyncio.Semaphore(threads)
        self._idle: list[_Instance] = []  # last in, first out: few tokens are fetched while the load is low
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="reddit")

    async def fetch(self, query: Query[T]) -> Answer[T]:
        """Ask Reddit once, or a few times for a search within a range of dates.

        Each whole exchange, a slow drip included, ends within the application's timeout.
        """
        archive = bool(self._app.edition)
        if failure := reddit_offers.refusal(query, archive=archive):
            raise failure
        if not archive and date_range.is_asked(query.params):
            found = await date_range.search(cast("Query[Listing]", query), self._once)
            return cast("Answer[T]", found)
        return await self._once(query)

    async def _once(self, query: Query[T]) -> Answer[T]:
        async with self._places:
            instance = self._idle.pop() if self._idle else _Instance(self._app, self.budget, self._sign_in_guard)
            try:
                value, headers, calls = await self._in_thread(instance, query)
            except Failure as failure:
                failure.calls = instance.sent
                raise
        return Answer(value, calls=calls, ttl=query.ttl, archive=_span(headers))

    async def sign_in(self) -> None:
        """Fetch a token, as a check of the application's credentials."""
        await asyncio.get_running_loop().run_in_executor(
            self._threads, _Instance(self._app, self.budget, self._sign_in_guard).sign_in
        )

    async def _in_thread(self, instance: _Instance, query: Query[T]) -> tuple[T, Mapping[str, str], int]:
        """A thread cannot be cancelled, but its sockets can be shut: it ends at once, for whatever reason."""
        context = contextvars.copy_context()
        context.run(untrusted_text.tally.set, self.cleaned)
        future = asyncio.get_running_loop().run_in_executor(self._threads, context.run, instance.request, query)
        future.add_done_callback(lambda done: self._ended(instance, done))
        try:
            async with asyncio.timeout(self._app.timeout):
                return await asyncio.shield(future)
        except TimeoutError:
            raise too_slow(self._app.timeout) from None
        finally:
            if not future.done():
                instance.http.abort()

    def _ended(self, instance: _Instance, done: asyncio.Future[Any]) -> None:
        """Take the instance back when its thread has ended and not before: it serves one borrower at a time."""
        self._idle.append(instance)
        if not done.cancelled():
            done.exception()  # seen, also where nobody waits for it any more

    async def aclose(self) -> None:
        """Give the threads and connections back."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        for instance in self._idle:
            instance.http.close()


def _span(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """The archive server says which time it covers; Reddit itself has no such header."""
    oldest, _, newest = headers.get(response_errors.ARCHIVE_SPAN, "").partition("-")
    return (int(oldest), int(newest)) if oldest.isdecimal() and newest.isdecimal() else None
