"""The tools, resources and prompts that the official conformance suite asks for by name.

Run as a program, it is the server's own command line with these on the real server object.
"""

import base64
import json
import struct
import sys
import zlib
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CallToolResult,
    CreateMessageRequest,
    ElicitRequest,
    ElicitResult,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    TextContent,
    TextResourceContents,
)

import reddit_mcp.container
from reddit_mcp.cli.parser import main
from reddit_mcp.mcp_server.server import RedditServer

Ctx = Context[Any, Any]
Outcome = CallToolResult | InputRequiredResult


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


RED_DOT = b"\x89PNG\r\n\x1a\n" + b"".join(
    (
        _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        _chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")),
        _chunk(b"IEND", b""),
    )
)
SILENCE = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data\0\0\0\0"

IMAGE = ImageContent(type="image", data=base64.b64encode(RED_DOT).decode(), mime_type="image/png")
AUDIO = AudioContent(type="audio", data=base64.b64encode(SILENCE).decode(), mime_type="audio/wav")


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _resource(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


CONTENTS: dict[str, list[Any]] = {
    "test_simple_text": [_text("This is a simple text response for testing.")],
    "test_image_content": [IMAGE],
    "test_audio_content": [AUDIO],
    "test_embedded_resource": [
        _resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    ],
    "test_multiple_content_types": [
        _text("Multiple content types test:"),
        IMAGE,
        _resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ],
    "test_logging_tool": [_text("Nothing was logged to the client.")],
}


def _form(message: str, name: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return ElicitRequest.model_validate({"params": {"message": message, "requestedSchema": schema}})


def _sampling(text: str, tokens: int) -> CreateMessageRequest:
    message = {"role": "user", "content": {"type": "text", "text": text}}
    return CreateMessageRequest.model_validate({"params": {"messages": [message], "maxTokens": tokens}})


NAME = _form("What is your name?", "name")
CONFIRM = _form("Please confirm", "ok", "boolean")
ROUNDS: dict[str, tuple[dict[str, Any], ...]] = {
    "test_input_required_result_elicitation": ({"user_name": NAME},),
    "test_input_required_result_sampling": ({"capital_question": _sampling("What is the capital of France?", 100)},),
    "test_input_required_result_list_roots": ({"client_roots": ListRootsRequest()},),
    "test_input_required_result_request_state": ({"confirm": CONFIRM},),
    "test_input_required_result_tampered_state": ({"confirm": CONFIRM},),
    "test_input_required_result_multiple_inputs": (
        {"user_name": NAME, "greeting": _sampling("Generate a greeting", 50), "client_roots": ListRootsRequest()},
    ),
    "test_input_required_result_multi_round": (
        {"step1": _form("Step 1: What is your name?", "name")},
        {"step2": _form("Step 2: What is your favorite color?", "color")},
    ),
    "test_streaming_elicitation": ({"user_name": NAME},),
}
"""What each tool asks its client for, round by round; the state says which round was answered."""


def _asked(name: str, ctx: Ctx) -> InputRequiredResult | None:
    """The next question, or None when all are answered."""
    answered, rounds = int(ctx.request_state or 0), ROUNDS[name]
    if not ctx.input_responses:
        return _question(rounds, 0)
    if set(rounds[answered]) - set(ctx.input_responses):
        return _question(rounds, answered)
    return _question(rounds, answered + 1) if answered + 1 < len(rounds) else None


def _question(rounds: tuple[dict[str, Any], ...], number: int) -> InputRequiredResult:
    return InputRequiredResult(input_requests=rounds[number], request_state=str(number))


def _with_contents(server: MCPServer[Any], name: str) -> None:
    async def tool() -> CallToolResult:
        return CallToolResult(content=CONTENTS[name])

    server.tool(name, description="Returns fixed content.", structured_output=False)(tool)


def _with_rounds(server: MCPServer[Any], name: str) -> None:
    async def tool(ctx: Ctx) -> Outcome:
        return _asked(name, ctx) or CallToolResult(content=[_text("state-ok")])

    server.tool(name, description="Asks its client for more.", structured_output=False)(tool)


async def test_error_handling() -> str:
    """Always fails."""
    raise ToolError("This tool intentionally returns an error for testing")


async def test_tool_with_progress(ctx: Ctx) -> str:
    """Tells how far it is."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100)
    return "done"


async def test_missing_capability(ctx: Ctx) -> str:
    """Needs a client that samples."""
    if ctx.client_capabilities is None or ctx.client_capabilities.sampling is None:
        needed: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This tool needs sampling", needed)
    return "done"


async def test_input_required_result_capabilities(ctx: Ctx) -> Outcome:
    """Asks only for what its client can do."""
    able = ctx.client_capabilities
    questions: dict[str, Any] = {
        **({"greeting": _sampling("Generate a greeting", 50)} if able and able.sampling is not None else {}),
        **({"user_name": NAME} if able and able.elicitation is not None else {}),
    }
    return InputRequiredResult(input_requests=questions, request_state="0")


async def test_trigger_tool_change(ctx: Ctx) -> str:
    """Says that the list of tools has changed."""
    await ctx.notify_tools_changed()
    return "done"


async def test_trigger_prompt_change(ctx: Ctx) -> str:
    """Says that the list of prompts has changed."""
    await ctx.notify_prompts_changed()
    return "done"


TOOLS = (
    test_error_handling,
    test_tool_with_progress,
    test_missing_capability,
    test_input_required_result_capabilities,
    test_trigger_tool_change,
    test_trigger_prompt_change,
)


def _with_resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    async def static_text() -> str:
        """A text."""
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    async def static_binary() -> bytes:
        """An image."""
        return RED_DOT

    @server.resource("test://template/{identity}/data", mime_type="application/json")
    async def template(identity: str) -> str:
        """A text for each id."""
        return json.dumps({"id": identity, "templateTest": True, "data": f"Data for ID: {identity}"})


def _with_prompts(server: MCPServer[Any]) -> None:
    @server.prompt()
    async def test_simple_prompt() -> str:
        """A prompt without arguments."""
        return "This is a simple prompt for testing."

    @server.prompt()
    async def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        """A prompt with arguments."""
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt()
    async def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803 - the suite's
        """A prompt with a resource."""
        resource = _resource(resourceUri, "text/plain", "Embedded resource content for testing.")
        return [UserMessage(resource), UserMessage("Please process the embedded resource above.")]

    @server.prompt()
    async def test_prompt_with_image() -> list[UserMessage]:
        """A prompt with an image."""
        return [UserMessage(IMAGE), UserMessage("Please analyze the image above.")]

    @server.prompt()
    async def test_input_required_result_prompt(ctx: Ctx) -> Any:
        """A prompt that asks first."""
        answer = (ctx.input_responses or {}).get("user_context")
        if isinstance(answer, ElicitResult):
            return f"In the context of {answer.content}"
        question: dict[str, Any] = {"user_context": _form("What context should the prompt use?", "context")}
        return InputRequiredResult(input_requests=question)


class Everything(RedditServer):
    """The real server with the suite's fixtures beside its own tools."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name in CONTENTS:
            _with_contents(self, name)
        for name in ROUNDS:
            _with_rounds(self, name)
        for tool in TOOLS:
            self.tool(structured_output=False)(tool)
        _with_resources(self)
        _with_prompts(self)


if __name__ == "__main__":
    vars(reddit_mcp.container)["RedditServer"] = Everything
    sys.exit(main())
