"""Calls to a run of the Actor over plain HTTP, and streams that stay open."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support.patience import PATIENCE_SECONDS

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
LISTEN = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {"notifications": {}, "_meta": META}}


async def searched(url: str, query: str, key: str | None = None) -> str:
    """A search in one request; why it was refused, or `answered`."""
    answer = await called(url, "search_reddit", {"query": query}, key)
    return str(answer["error"]["data"]["reason"]) if "error" in answer else "answered"


async def called(url: str, tool: str, arguments: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    """A tool's structured content."""
    params = {"name": tool, "arguments": arguments, "_meta": META}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = headers_of(body) | {"mcp-name": tool} | ({"x-api-key": key} if key else {})
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(url + "/mcp", json=body, headers=headers)
    return dict(answer.json()["result"]["structuredContent"])


def listens(url: str) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((urlsplit(url).hostname, urlsplit(url).port or 0)):
        return True
    return False


def headers_of(body: Any) -> dict[str, str]:
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    return headers | ({"mcp-protocol-version": "2026-07-28", "mcp-method": body["method"]} if body else {})


@contextlib.asynccontextmanager
async def streams(url: str) -> AsyncIterator[list[asyncio.Task[None]]]:
    """An SSE session of the older kind, and a listening client of the newer; each task ends with its stream."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as http:
        tasks = [
            asyncio.create_task(_drained(http, *request))
            for request in (("GET", "/sse", None), ("POST", "/mcp", LISTEN))
        ]
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()


async def _drained(http: httpx.AsyncClient, method: str, path: str, body: Any) -> None:
    content = json.dumps(body) if body else None
    async with http.stream(method, path, content=content, headers=headers_of(body)) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for _ in answer.aiter_raw():
            pass  # a stream that ends out of order raises
