"""What goes wrong with the platform's answers."""

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(slots=True)
class Fault:
    """One kind of mishap.

    Attributes:
        match: a part of the paths it happens to.
        times: how often it still happens.
        status: the answer's status; None = the real answer.
        kind: the error type in the answer's body.
        delay: seconds before anything is done.
        hang: no answer at all.
        lost: the connection breaks in the middle of the answer.
        applied: what was asked for is done all the same.
    """

    match: str = ""
    times: int = 1
    status: int | None = None
    kind: str = "internal-server-error"
    delay: float = 0.0
    hang: bool = False
    lost: bool = False
    applied: bool = False

    async def answer(self, api: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request as this fault has it."""
        await asyncio.sleep(self.delay)
        if self.status is None and not self.hang and not self.lost:
            await api(scope, receive, send)
            return
        if self.applied:
            await api(scope, receive, _unsent)
        if self.hang:
            await _hang(receive)
        elif self.lost:
            await _break(send)
        else:
            await problem(self.status or 500, self.kind)(scope, receive, send)


async def _unsent(_message: Message) -> None:
    """Nobody hears the answer."""


async def _hang(receive: Receive) -> None:
    """Wait until the client goes away, or the platform ends."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _break(send: Send) -> None:
    """Promise more than is sent, so that the connection is closed in the middle."""
    await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"100")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})


def problem(status: int, kind: str, message: str = "Something is wrong.") -> Response:
    """The platform's error body."""
    body: dict[str, Any] = {"error": {"type": kind, "message": message}}
    return JSONResponse(body, status)
