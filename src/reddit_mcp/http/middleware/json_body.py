"""The body of a request, read within its limits and looked at once, cheaply, before anything expensive sees it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reddit_mcp.http.bad_request import PARSE_ERROR, BadRequest

LARGEST_BODY = 1_048_576
BODY_SECONDS = 10.0
"""A body must have arrived after this time; a client that dribbles holds a connection no longer."""

LARGE_BODY = 65_536
"""Bytes above which a body holds more than any call of ours needs."""

LARGE_BODY_SECONDS = 0.5
"""How long a large body keeps the next one waiting, so that a flood of them takes a small share of the time."""

LONGEST_TEXT = 16_384
"""Characters of a text in a message; no argument may be so long, so what is cut here is refused all the same."""

MOST_VALUES = 10_000
DEEPEST = 64
LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class Received:
    """A request's body and what it says."""

    body: bytes
    message: dict[str, Any]

    def replay(self, then: Callable[[], Awaitable[Any]]) -> Receive:
        """A receive that gives the body again, and after it whatever `then` gives."""
        messages: list[Message] = [{"type": "http.request", "body": self.body, "more_body": False}]

        async def receive() -> Message:
            return messages.pop() if messages else await then()

        return receive


class LargeBodies:
    """Large bodies are read one after the other, with a pause after each: they are refused in any case."""

    def __init__(self, pause: float = LARGE_BODY_SECONDS) -> None:
        self._turn = asyncio.Lock()
        self._pause = pause

    async def wait(self) -> None:
        """Wait for a turn."""
        async with self._turn:
            await asyncio.sleep(self._pause)


async def received(scope: Scope, receive: Receive, send: Send, large: LargeBodies) -> Received | None:
    """The one JSON-RPC message of a request; None if it was refused here, or the caller hung up in the middle.

    Refused is a body that is no such message, or is too large, too slow, too deep. In a large one, texts that are
    longer than any argument may be are cut: nothing behind this walks them.
    """
    try:
        _check_type(Headers(scope=scope))
        body = await read_body(receive, large=large)
        message = decoded(body)
        return Received(body, message) if len(body) <= LARGE_BODY else _shortened(message)
    except BadRequest as error:
        await error.answer(scope)(scope, receive, send)
    except ClientDisconnect:
        pass
    return None


class JsonBody:
    """An ASGI app whose POST requests are messages; the app behind it sees only those that are well formed."""

    def __init__(self, app: ASGIApp, large: LargeBodies | None = None) -> None:
        self._app = app
        self._large = large or LargeBodies()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
        elif found := await received(scope, receive, send, self._large):
            await self._app(scope, found.replay(receive), send)


async def read_body(receive: Receive, seconds: float = BODY_SECONDS, large: LargeBodies | None = None) -> bytes:
    """The whole body.

    Raises:
        BadRequest: it is larger than 1 MB, or takes longer than `seconds`.
        ClientDisconnect: the caller hung up in the middle.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _whole(receive, large)
    except TimeoutError:
        raise BadRequest(408, f"The body did not arrive within {seconds:g} seconds.") from None


async def _whole(receive: Receive, large: LargeBodies | None) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        check_size(size)
        if large and size > LARGE_BODY:
            await large.wait()
            large = None  # once for each body
        more = message.get("more_body", False)
    return b"".join(parts)


def check_size(size: int) -> None:
    """Refuse a body of this size.

    Raises:
        BadRequest: 413, it is larger than 1 MB.
    """
    if size > LARGEST_BODY:
        raise BadRequest(413, "A request body may have 1 MB at most.")


def decoded(body: bytes) -> dict[str, Any]:
    """The JSON-RPC message; where a name comes twice, the last one counts, as it does for the SDK.

    Raises:
        BadRequest: it is not JSON, not one message, or of a size or depth that no message has.
    """
    # Every value but the first stands after one of these, so their number bounds the work of reading it.
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise BadRequest(400, f"A message may hold {MOST_VALUES} values at most.")
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest(400, "The body is not JSON in UTF-8, or holds a number out of range.", PARSE_ERROR) from None
    if not isinstance(message, dict):
        raise BadRequest(400, "The body must be one JSON-RPC message; there are no batches in MCP.")
    if _depth(message) > DEEPEST:
        raise BadRequest(400, f"A message may be nested {DEEPEST} levels deep at most.")
    if not _is_id(message.get("id", 0)):
        raise BadRequest(400, "The id must be a whole number of 64 bits or a short text.")
    if len(str(message.get("method", ""))) > LONGEST_NAME:
        raise BadRequest(400, f"A method's name has {LONGEST_NAME} characters at most.")
    return message


def _shortened(message: dict[str, Any]) -> Received:
    """The message with its long texts cut."""
    cut: dict[str, Any] = _cut(message)
    return Received(orjson.dumps(cut), cut)


def _cut(value: Any) -> Any:
    """Its depth is bounded before (`DEEPEST`)."""
    if isinstance(value, str):
        return value[: LONGEST_TEXT + 1]
    if isinstance(value, dict):
        return {name[:LONGEST_TEXT]: _cut(inner) for name, inner in value.items()}
    return [_cut(inner) for inner in value] if isinstance(value, list) else value


def _check_type(headers: Headers) -> None:
    kind, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    charsets = [text.partition("=")[2].strip('"') for text in parameters if text.startswith("charset=")]
    if kind != "application/json" or any(charset != "utf-8" for charset in charsets):
        raise BadRequest(415, "Send the message as `Content-Type: application/json`, in UTF-8.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise BadRequest(415, "Send the message uncompressed.")


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [inner for item in level for inner in _inside(item)]
    return depth


def _inside(value: object) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_NAME
    return isinstance(value, int) and not isinstance(value, bool)
