"""What the product is measured against: servers that do nothing but answer, on the port that they print.

    python -m benchmarks.comparison_servers typed|prepared|raw ANSWER.json

`typed` is the SDK's server as its tutorial shows it, with a tool that returns a model; `prepared` returns a finished
result; `raw` is one Starlette route that sends finished bytes, what no MCP server of Python can pass.
"""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

TOOLS = ("get_subreddit_posts", "get_post_comments")


class Post(BaseModel):
    """As a careful author would declare it."""

    id: str
    title: str
    author: str | None = None
    subreddit: str | None = None
    score: int | None = None
    num_comments: int | None = None
    created_utc: int | None = None
    permalink: str | None = None
    selftext: str | None = None
    url: str | None = None


class Comment(BaseModel):
    """A comment with its replies."""

    id: str
    author: str | None = None
    body: str | None = None
    score: int | None = None
    depth: int | None = None
    replies: list["Comment"] = []


class Answer(BaseModel):
    """Either tool's answer."""

    posts: list[Post] | None = None
    post: Post | None = None
    comments: list[Comment] | None = None
    metadata: dict[str, Any]


def typed(content: dict[str, Any]) -> ASGIApp:
    """The SDK's server with a tool that returns a model."""
    server, answer = MCPServer("typed"), TypeAdapter(Answer).validate_python(content)

    async def tool(subreddit: str = "", post_id: str = "", limit: int = 25) -> Answer:  # noqa: ARG001
        return answer

    for name in TOOLS:
        server.add_tool(tool, name=name)
    return server.streamable_http_app(stateless_http=True, json_response=True)


def prepared(content: dict[str, Any]) -> ASGIApp:
    """The SDK's server with a tool that returns a finished result."""
    text = orjson.dumps(content).decode()
    server, answer = MCPServer("prepared"), CallToolResult(
        content=[TextContent(type="text", text=text)], structured_content=content
    )  # fmt: skip

    async def tool(subreddit: str = "", post_id: str = "", limit: int = 25) -> CallToolResult:  # noqa: ARG001
        return answer

    for name in TOOLS:
        server.add_tool(tool, name=name)
    return server.streamable_http_app(stateless_http=True, json_response=True)


def raw(content: dict[str, Any]) -> ASGIApp:
    """One route that sends finished bytes."""
    text = orjson.dumps(content).decode()
    result = {"content": [{"type": "text", "text": text}], "structuredContent": content, "isError": False}
    body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": result})

    async def answer(_request: Request) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/mcp", answer, methods=["POST"])])


async def serve(app: ASGIApp) -> None:
    """Serve until the process is ended."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        print(f"at http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
        await uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).serve([listener])


if __name__ == "__main__":
    kind, path = sys.argv[1:]
    build = {"typed": typed, "prepared": prepared, "raw": raw}[kind]
    asyncio.run(serve(build(orjson.loads(Path(path).read_bytes()))))
