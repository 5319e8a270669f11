"""The fake platform itself: one run, its bill, its storages, its events."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.support.fake_platform import run
from tests.support.fake_platform.charging import Charge, Charging
from tests.support.fake_platform.faults import Fault
from tests.support.fake_platform.storages import Storages, content
from tests.support.patience import PATIENCE_SECONDS

PRICES = MappingProxyType({"tool-call": 0.002, "comments-expanded": 0.003, "watch-match": 0.001})

Mishap = Callable[[str, int], Fault | None]


class FakePlatform:
    """One Actor run on the platform.

    Attributes:
        url: of the API, without /v2.
        mishap: what happens to a request, by its path and its number; none by default.
        requests: method and path of all that arrived, in order.
        status_messages: what the run said about itself, in order.
        webhooks: the bodies of those that were asked for.
        items, records: see `Storages`.

    Args:
        prices: USD per event; None = the Actor is not pay-per-event.
        tenancy: `single` or `multi`.
        max_total_charge_usd: the run's limit; the API does not enforce it, as the platform's does not.
    """

    def __init__(
        self,
        *,
        prices: Mapping[str, float] | None = PRICES,
        tenancy: str = "single",
        max_total_charge_usd: float | None = None,
        run_id: str = "run-1",
    ) -> None:
        self.run_id = run_id
        self.prices = None if prices is None else dict(prices)
        self.max_total_charge_usd = max_total_charge_usd
        self.charging = Charging(dict(prices or {}), tenancy)
        self.storages = Storages()
        self.requests: list[tuple[str, str]] = []
        self.status_messages: list[str] = []
        self.webhooks: list[Any] = []
        self.mishap: Mishap = lambda _path, _number: None
        self.url = ""
        self._faults: list[Fault] = []
        self._listeners: set[WebSocket] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def items(self) -> dict[str, list[Any]]:
        """The datasets' items."""
        return self.storages.items

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """The key-value stores' records."""
        return self.storages.records

    @property
    def charges(self) -> list[Charge]:
        """What was booked."""
        return self.charging.charges

    @property
    def charged(self) -> dict[str, int]:
        """How many of each event were booked."""
        return self.charging.charged

    @property
    def listeners(self) -> int:
        """Open websockets."""
        return len(self._listeners)

    def environment(self, origin: str = "STANDBY") -> dict[str, str]:
        """What the platform sets for a container of this run."""
        return run.environment(self, origin)

    def fail(self, match: str, **fault: Any) -> Fault:
        """Let the next requests whose path contains `match` go wrong (see `Fault`)."""
        self._faults.append(Fault(match, **fault))
        return self._faults[-1]

    def heal(self) -> None:
        """No more faults."""
        self._faults.clear()
        self.mishap = lambda _path, _number: None

    def advance(self, seconds: float) -> None:
        """Let time pass for idempotency keys."""
        self.charging.skipped += seconds

    @contextlib.contextmanager
    def request(self, request_id: str) -> Iterator[None]:
        """Within the context the gateway has a request of this id in flight."""
        self.charging.open_requests[request_id] += 1
        try:
            yield
        finally:
            self.charging.open_requests[request_id] -= 1

    def emit(self, name: str, data: Mapping[str, Any] | None = None) -> None:
        """Send an event to every container: `aborting`, or `migrating` with `timeRemainingSecs`."""
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._send(name, data), self._loop).result(PATIENCE_SECONDS)

    async def _send(self, name: str, data: Mapping[str, Any] | None) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._listeners:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)
        message = {"name": name, "createdAt": datetime.now(UTC).isoformat(), **({"data": data} if data else {})}
        for listener in list(self._listeners):
            await listener.send_text(json.dumps(message))

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Serve until the context ends, in a thread with a loop of its own."""
        config = uvicorn.Config(
            self._app(), port=0, log_config=None, ws="websockets-sansio", timeout_graceful_shutdown=0
        )
        server = uvicorn.Server(config)
        started = threading.Event()

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            # with its protocol named, asyncio sets TCP_NODELAY: small answers do not wait for 40 ms
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listener.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            started.set()
            await server.serve([listener])

        thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        thread.start()
        assert started.wait(PATIENCE_SECONDS)
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(timeout=PATIENCE_SECONDS)

    def _app(self) -> ASGIApp:
        about = f"/v2/actor-runs/{self.run_id}"
        api = Starlette(
            routes=[
                Route(about, self._run, methods=["GET", "PUT"]),
                Route(f"{about}/charge", self.charging.charge, methods=["POST"]),
                Route("/v2/webhooks", self._webhook, methods=["POST"]),
                *self.storages.routes(),
            ]
        )
        return Starlette(
            routes=[
                Route("/__control/state", self._state),
                Route("/__control/{what}", self._control, methods=["POST"]),
                WebSocketRoute("/events", self._listen),
                Mount("/", self._ill(api)),
            ]
        )

    def _ill(self, api: ASGIApp) -> ASGIApp:
        """The API with its mishaps."""

        async def ill(scope: Scope, receive: Receive, send: Send) -> None:
            self.requests.append((scope["method"], scope["path"]))
            fault = self._next_fault(scope["path"])
            if fault is None:
                await api(scope, receive, send)
            else:
                await fault.answer(api, scope, receive, send)

        return ill

    def _next_fault(self, path: str) -> Fault | None:
        for fault in self._faults:
            if fault.match in path and fault.times > 0:
                fault.times -= 1
                return fault
        return self.mishap(path, len(self.requests))

    async def _run(self, request: Request) -> Response:
        if request.method == "PUT":
            self.status_messages.append(json.loads(await content(request))["statusMessage"])
        return JSONResponse({"data": run.described(self)})

    async def _webhook(self, request: Request) -> Response:
        self.webhooks.append(json.loads(await content(request)))
        return JSONResponse({"data": run.webhook(self.webhooks[-1], len(self.webhooks))}, 201)

    async def _listen(self, socket: WebSocket) -> None:
        await socket.accept()
        self._listeners.add(socket)
        with contextlib.suppress(WebSocketDisconnect):
            await socket.receive_text()
        self._listeners.discard(socket)

    async def _control(self, request: Request) -> Response:
        body = await request.json()
        match request.path_params["what"]:
            case "emit":
                await self._send(body["name"], body.get("data"))
            case "fail":
                self.fail(**body)
            case "open-request":
                self.charging.open_requests[body["id"]] += 1
            case "close-request":
                self.charging.open_requests[body["id"]] -= 1
        return JSONResponse({})

    async def _state(self, _request: Request) -> Response:
        charges = [asdict(charge) for charge in self.charges]
        mine = {"charges": charges, "charged": self.charged, "total_usd": str(self.charging.total_usd)}
        stored = {"items": self.items, "records": self.records}
        return JSONResponse({**mine, **stored, "requests": self.requests, "status_messages": self.status_messages})
