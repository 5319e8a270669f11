"""Arctic Shift's API over HTTP: one request, its `data` or a failure. Nothing in an answer's shape is trusted."""

import asyncio
import json
from typing import Protocol

import httpx

from reddit_mcp.errors import Failure, RateLimited
from reddit_mcp.upstream.arctic_shift.client import arctic_failures
from reddit_mcp.upstream.arctic_shift.client.arctic_body import ENCODINGS, MOST_BYTES, Unreadable, read
from reddit_mcp.upstream.arctic_shift.client.arctic_budget import Budget, wait
from reddit_mcp.upstream.arctic_shift.client.arctic_failures import Refused
from reddit_mcp.upstream.reddit_api.parsing import escaped, unescaped
from reddit_mcp.upstream.source import Json

URL = "https://arctic-shift.photon-reddit.com"
_CONNECTIONS = 4
_ALIVE_SECONDS = 2.0


class Spend(Protocol):
    """Takes a token of the shared budget; waits for it, or raises a Failure."""

    async def __call__(self) -> None:
        """Take one."""
        ...


async def free() -> None:
    """A budget without a limit."""


class Api:
    """The API at an address.

    Args:
        url: where it is.
        user_agent: who asks, with an address to write to.
        timeout: seconds for one request, a slow drip included.
    """

    def __init__(self, url: str, user_agent: str, timeout: float = 10.0, most_bytes: int = MOST_BYTES) -> None:
        self.budget = Budget()
        self._timeout = timeout
        self._most_bytes = most_bytes
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"user-agent": user_agent, "accept": "application/json", "accept-encoding": ENCODINGS},
            timeout=timeout,
            limits=httpx.Limits(max_connections=_CONNECTIONS),
            follow_redirects=False,
            trust_env=False,
        )

    async def get(self, path: str, **params: object) -> Json:
        """The `data` of one answer; parameters that are None are left out.

        Raises:
            Refused: it gave up on the question; a narrower one may be answered.
            Failure: of the branches rate_limited, unavailable, upstream_error and timeout.
        """
        self.budget.check()
        status, body = await self._exchange(
            path, {name: str(value) for name, value in params.items() if value is not None}
        )
        # in a thread: megabytes of it would hold up every other call
        return arctic_failures.content(status, await asyncio.to_thread(_parsed, status, body))

    async def _exchange(self, path: str, params: dict[str, str]) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(self._timeout), self._http.stream("GET", path, params=params) as response:
                self.budget.learn(response.headers)
                if failure := arctic_failures.refusal(response.status_code, response.headers, wait(response.headers)):
                    raise failure
                return response.status_code, await read(response, self._most_bytes)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise arctic_failures.too_slow(self._timeout) from error
        except httpx.HTTPError as error:
            raise arctic_failures.unreachable() from error
        except Unreadable as error:
            raise arctic_failures.broken(200) from error

    async def alive(self) -> bool:
        """Whether it answers at all, within two seconds; a refusal is an answer."""
        try:
            async with asyncio.timeout(_ALIVE_SECONDS):
                await self.get("/api/posts/search", limit=1, fields="id")
        except (Refused, RateLimited):
            return True
        except (TimeoutError, Failure):
            return False
        return True

    async def aclose(self) -> None:
        """Give the connections back."""
        await self._http.aclose()


def _parsed(status: int, body: bytes) -> Json:
    try:
        return unescaped(body) if escaped(body) else json.loads(body)
    except (ValueError, RecursionError) as error:
        raise arctic_failures.broken(status) from error


class Asking:
    """The requests of one question, counted; each takes a token of the budget.

    Args:
        paid: requests for which somebody above has taken a token already.

    Attributes:
        calls: requests that were sent.
    """

    def __init__(self, api: Api, spend: Spend = free, paid: int = 1) -> None:
        self.calls = 0
        self._api = api
        self._spend = spend
        self._paid = paid

    async def get(self, path: str, **params: object) -> Json:
        """As `Api.get`."""
        self._api.budget.check()
        if self.calls >= self._paid:
            await self._spend()
        self.calls += 1
        return await self._api.get(path, **params)

    async def rows(self, path: str, **params: object) -> list[dict[str, Json]]:
        """The objects of a list.

        Raises:
            Failure: also when it is too busy for this question, twice.
        """
        try:
            return _objects(await self.get(path, **params))
        except Refused:  # its database may have to warm up, says its documentation
            pass
        try:
            return _objects(await self.get(path, **params))
        except Refused as refused:
            raise arctic_failures.overloaded(refused.status) from refused

    async def rows_once(self, path: str, **params: object) -> list[dict[str, Json]]:
        """The objects of a list; Refused goes to the caller, who knows how to ask for less."""
        return _objects(await self.get(path, **params))


def _objects(data: Json) -> list[dict[str, Json]]:
    if not isinstance(data, list):
        raise arctic_failures.broken(200)
    return [row for row in data if isinstance(row, dict)]
