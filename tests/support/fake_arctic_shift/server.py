"""The endpoints, the log of requests, and how it falls ill."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tests.support.fake_arctic_shift import filters
from tests.support.fake_arctic_shift.things import DAY, Json
from tests.support.server_process import listening

BUSY = {"data": None, "error": "Timeout. Maybe slow down a bit"}
TIMED_OUT = {"data": None, "error": "Query timed out"}


@dataclass(frozen=True)
class Reply:
    """What comes instead of an answer; `hang` sends nothing until the server ends."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False


@dataclass(frozen=True)
class Asked:
    """A request that arrived."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]


class FakeArcticShift:
    """An ASGI app.

    Attributes:
        posts, comments, communities, users, rules, wikis, links: what it keeps; a test may take things away.
        active: communities, in lower case, that refuse words over more than `searchable` seconds (0: always).
        tree_most: comments of a tree before it collapses the rest.
        inclusive: whether `after` and `before` count the second they name.
        remaining, reset: its request limit, as its headers say.
        away: whether it answers nothing but 503.
        replies: what comes instead of the next answers, first in, first out.
    """

    def __init__(self) -> None:
        self.posts: list[Json] = []
        self.comments: list[Json] = []
        self.communities: list[Json] = []
        self.users: list[Json] = []
        self.rules: dict[str, list[Json]] = {}
        self.wikis: dict[str, list[Any]] = {}
        self.links: dict[str, str] = {}
        self.active: set[str] = set()
        self.searchable = 0
        self.tree_most = 25_000
        self.inclusive = False
        self.remaining: int | None = None
        self.reset: float = 30
        self.away = False
        self.replies: list[Reply] = []
        self.asked: list[Asked] = []
        self.closing = asyncio.Event()

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [each.path for each in self.asked]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Serve until the context ends; gives the address."""
        async with listening(self) as url:
            try:
                yield url
            finally:
                self.closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        params = dict(request.query_params)
        self.asked.append(Asked(request.url.path, params, dict(request.headers)))
        await (await self._answer(request.url.path, params))(scope, receive, send)

    async def _answer(self, path: str, params: dict[str, str]) -> Response:
        if self.away:
            return JSONResponse({"error": "Service unavailable"}, 503)
        if self.replies:
            reply = self.replies.pop(0)
            if reply.hang:
                await self.closing.wait()
            body = reply.body
            kind = Response if isinstance(body, bytes) else JSONResponse
            return kind(body, reply.status, headers=reply.headers)
        if self.remaining is not None:
            self.remaining -= 1
            if self.remaining < 0:
                return JSONResponse({"error": "Too many requests"}, 429, headers=self._headers())
        return self._data(path, params)

    def _data(self, path: str, params: dict[str, str]) -> Response:
        route = self._routes().get(path)
        if route is None:
            return JSONResponse({"error": "Not found"}, 404)
        if self._too_active(path, params):
            return JSONResponse(BUSY, 422, headers=self._headers())
        try:
            body = json.dumps({"data": route(params)})  # unlike starlette's, it spells halves of surrogate pairs
            return Response(body, headers=self._headers(), media_type="application/json")
        except filters.Wrong as error:
            return JSONResponse({"data": None, "error": f"Invalid parameter {error}"}, 400, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        if self.remaining is None:
            return {}
        return {"X-RateLimit-Remaining": str(max(self.remaining, 0)), "X-RateLimit-Reset": str(self.reset)}

    def _too_active(self, path: str, params: dict[str, str]) -> bool:
        if not path.endswith("/search") or not any(name in params for name in filters.WORDS):
            return False
        if params.get("subreddit", "").lower() not in self.active:
            return False
        since, until = (filters.date(params.get(name, edge)) for name, edge in (("after", "0"), ("before", "0s")))
        return not self.searchable or until - since > self.searchable

    def _routes(self) -> dict[str, Callable[[dict[str, str]], Any]]:
        return {
            "/api/posts/ids": lambda params: self._ids(self.posts, params),
            "/api/comments/ids": lambda params: self._ids(self.comments, params),
            "/api/subreddits/ids": lambda params: self._ids(self.communities, params),
            "/api/users/ids": lambda params: self._ids(self.users, params),
            "/api/posts/search": lambda params: self._search(self.posts, params, ("title", "selftext", "query")),
            "/api/comments/search": lambda params: self._search(self.comments, params, ("body",)),
            "/api/comments/tree": self._tree,
            "/api/subreddits/search": self._subreddits,
            "/api/subreddits/rules": self._rules,
            "/api/subreddits/wikis/list": lambda params: self.wikis.get(params["subreddit"].lower(), []),
            "/api/users/search": self._users,
            "/api/users/interactions/subreddits": self._interactions,
            "/api/short_links": self._short_links,
            "/api/posts/search/aggregate": lambda params: self._aggregate(self.posts, params),
            "/api/comments/search/aggregate": lambda params: self._aggregate(self.comments, params),
        }

    def _ids(self, rows: list[Json], params: dict[str, str]) -> list[Json]:
        ids = [filters.bare(each) for each in params["ids"].split(",")]
        if len(ids) > 500:
            raise filters.Wrong("ids")
        return [filters.chosen(row, params) for row in rows if row.get("id") in ids]

    def _search(self, rows: list[Json], params: dict[str, str], words: tuple[str, ...]) -> list[Json]:
        scoped = any(name in params for name in ("author", "subreddit", "link_id", "parent_id"))
        if any(name in params for name in words) and not scoped:
            raise filters.Wrong("a community or an author is needed")
        return filters.search(rows, params, inclusive=self.inclusive)

    def _tree(self, params: dict[str, str]) -> list[Any]:
        most = min(filters.limit(params, 50, 25_000) or 0, self.tree_most)
        return filters.tree(
            self.comments, filters.bare(params["link_id"]), filters.bare(params.get("parent_id", "")), most
        )

    def _subreddits(self, params: dict[str, str]) -> list[Json]:
        name, prefix = params.get("subreddit", "").lower(), params.get("subreddit_prefix", "").lower()
        found = [
            row
            for row in self.communities
            if row["display_name"].lower().startswith(prefix) and name in ("", row["display_name"].lower())
            and not (params.get("over18") == "false" and row["over18"])
        ]  # fmt: skip
        found.sort(key=lambda row: row["subscribers"] or 0, reverse=True)
        return found[: filters.limit(params, 25, 1_000)]

    def _rules(self, params: dict[str, str]) -> list[Json]:
        asked = params["subreddits"].lower().split(",")
        return [{"subreddit": name, "rules": self.rules[name]} for name in asked if name in self.rules]

    def _users(self, params: dict[str, str]) -> list[Json]:
        name = params.get("author", "").lower()
        return [row for row in self.users if name in ("", row["author"].lower())][: filters.limit(params, 25, 1_000)]

    def _interactions(self, params: dict[str, str]) -> list[Json]:
        asked = {name: value for name, value in params.items() if name in ("author", "after", "before")} | {
            "limit": "auto"
        }
        counts: dict[str, int] = {}
        for rows in (self.posts, self.comments):
            for row in filters.search(rows, asked, inclusive=self.inclusive):
                counts[row["subreddit"]] = counts.get(row["subreddit"], 0) + 1
        return [{"subreddit": name, "count": count} for name, count in counts.items()]

    def _short_links(self, params: dict[str, str]) -> list[Json]:
        return [
            {"path": path, "resolved_path": self.links[path]}
            for path in params["paths"].split(",")
            if path in self.links
        ]

    def _aggregate(self, rows: list[Json], params: dict[str, str]) -> list[Json]:
        by = params["aggregate"]
        asked = {name: value for name, value in params.items() if name not in ("aggregate", "frequency", "limit")}
        counts: dict[Any, int] = {}
        for row in filters.search(rows, asked | {"limit": "auto"}, inclusive=self.inclusive):
            key = row[by] // DAY * DAY if by == "created_utc" else row[by]
            counts[key] = counts.get(key, 0) + 1
        return [{by: key, "count": count} for key, count in counts.items()]
