"""A Reddit that is ill on command, so that clients can be tried against it.

Communities and users called `ill_<illness>` are always ill (r/ill_private, u/ill_503): see `ANSWERS` for the names.
Over HTTP, others can be told to be:

    POST /__ill  {"next": "503", "times": 3}      the next requests (once, unless times says more)
                 {"all": "hang", "seconds": 10}   every request for so long (without seconds: until it is cleared)
                 {"budget": 100}                  a budget of requests in a minute, enforced as Reddit does
                 {"clear": true}                  healthy again
    GET /__ill/seen                               what was asked: {"requests": [{"at", "method", "path"}]}, oldest first

Illnesses whose names begin with `token_` befall requests for a token, and all others requests for data; so two plans
stand beside each other. `at` is in seconds since 1970.
"""

import re
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reddit_mcp.archive.http_api.fault_responses import ANSWERS, TOKEN_ANSWERS, refusal

TOKEN_PATH = "/api/v1/access_token"  # noqa: S105 - a path
_CONTROL, _SEEN = "/__ill", "/__ill/seen"
_REMEMBERED = 100_000  # requests
_MINUTE = 60.0
_NAMED = re.compile(r"/(?:r|u|user)/([^/]+?)(?:\.json)?(?:/|$)")
_MARK = "ill_"
_BEYOND = refusal(429, "Too Many Requests")


class Command(BaseModel):
    """What the control route is told."""

    model_config = ConfigDict(extra="forbid", strict=True)

    next: str | None = None
    times: int = Field(1, ge=1, le=10_000)
    all: str | None = None
    seconds: float | None = Field(None, gt=0)
    budget: int | None = Field(None, ge=1)
    clear: Literal[True] | None = None

    @field_validator("next", "all")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and name not in ANSWERS and name not in TOKEN_ANSWERS:
            raise ValueError(f"no such illness; there are {', '.join([*ANSWERS, *TOKEN_ANSWERS])}")
        return name


class Plan:
    """The illnesses in store for one kind of request."""

    def __init__(self, answers: dict[str, ASGIApp]) -> None:
        self._answers = answers
        self._next: deque[str] = deque()
        self._all, self._until = "", 0.0

    def follow(self, command: Command) -> None:
        """Take in what of a command is for this kind of request."""
        if command.clear:
            self._next.clear()
            self._until = 0.0
        if command.next in self._answers:
            self._next.extend([command.next] * command.times)
        if command.all in self._answers:
            self._all, self._until = command.all, time.monotonic() + (command.seconds or float("inf"))

    def answer(self) -> ASGIApp | None:
        """The ill answer to a request that arrives now."""
        if self._next:
            return self._answers[self._next.popleft()]
        return self._answers[self._all] if time.monotonic() < self._until else None


class FaultBudget:
    """Reddit's budget: so many requests in a minute, which begins with the first of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used, self._end = 0, 0.0

    def spend(self) -> tuple[bool, dict[str, str]]:
        """Whether a request that arrives now is within the budget, and Reddit's headers."""
        now = time.monotonic()
        if now >= self._end:
            self._used, self._end = 0, now + _MINUTE
        within = self._used < self._limit
        self._used += within
        return within, {
            "x-ratelimit-used": str(self._used),
            "x-ratelimit-remaining": str(float(self._limit - self._used)),
            "x-ratelimit-reset": str(max(1, round(self._end - now))),
        }


class FaultInjection:
    """An ASGI app that answers for Reddit's API when that is to be ill."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._seen: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self._data, self._tokens = Plan(ANSWERS), Plan(TOKEN_ANSWERS)
        self._budget: FaultBudget | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in Reddit's place, or hand on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] == _CONTROL:
            await (await self._told(Request(scope, receive)))(scope, receive, send)
        elif scope["path"] == _SEEN:
            await JSONResponse({"requests": list(self._seen)})(scope, receive, send)
        else:
            self._seen.append({"at": time.time(), "method": scope["method"], "path": scope["path"]})
            await self._answered(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == TOKEN_PATH:
            await (self._tokens.answer() or self._app)(scope, receive, send)
            return
        within = True
        if self._budget is not None:
            within, headers = self._budget.spend()
            send = _marking(send, headers)
        answer = self._data.answer() or _reserved(scope["path"]) or self._app
        await (answer if within else _BEYOND)(scope, receive, send)

    async def _told(self, request: Request) -> Response:
        try:
            command = Command.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse(
                {"errors": error.errors(include_url=False, include_context=False, include_input=False)}, 400
            )
        if command.clear:
            self._budget = None
        if command.budget:
            self._budget = FaultBudget(command.budget)
        for plan in (self._data, self._tokens):
            plan.follow(command)
        return Response(status_code=204)


def _reserved(path: str) -> ASGIApp | None:
    """What the first ill community or user that a path names has."""
    return next(_ills(path), None)


def _ills(path: str) -> Iterator[ASGIApp]:
    found = _NAMED.match(path)
    for name in found[1].lower().split("+") if found else []:
        if name.startswith(_MARK) and name.removeprefix(_MARK) in ANSWERS:
            yield ANSWERS[name.removeprefix(_MARK)]


def _marking(send: Send, limits: dict[str, str]) -> Send:
    """The same with these headers in place of others of their names."""

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [each for each in message.get("headers", []) if each[0].decode() not in limits]
            message = {**message, "headers": kept + [(name.encode(), value.encode()) for name, value in limits.items()]}
        await send(message)

    return marked
