"""What a person copies into a client to connect it, with the address by which this page was reached."""

import base64
import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from reddit_mcp.http.pages.public_address import PublicAddress

NAME = "reddit"
PLACEHOLDER = "YOUR_API_KEY"
PLATFORM_PLACEHOLDER = "YOUR_APIFY_TOKEN"
ACTOR = "https://OWNER--reddit-mcp-server.apify.actor/mcp"


@dataclass(frozen=True, slots=True)
class Snippet:
    """How one client is connected.

    Attributes:
        client: its name.
        where: what to do with the text.
        text: what is copied.
        link: does the same by one click, in clients that have such a link.
        link_text: what the link says.
        note: what else a person has to know.
    """

    client: str
    where: str
    text: str
    link: str = ""
    link_text: str = ""
    note: str = ""


def snippets(address: PublicAddress, *, credential: str = "") -> Iterator[Snippet]:
    """Every client's.

    Args:
        address: where this server is.
        credential: stands for the key that calls need; empty where they need none.
    """
    headers = {"Authorization": f"Bearer {credential}"} if credential else {}
    yield _claude_code(address, headers)
    yield _claude_desktop(address, headers)
    yield _cursor(address, headers)
    yield _vs_code(address, headers)
    yield _chatgpt(address, headers)
    yield _apify()


def _claude_code(address: PublicAddress, headers: dict[str, str]) -> Snippet:
    words = ["claude", "mcp", "add", "--transport", "http", NAME, address.mcp]
    words += [word for name, value in headers.items() for word in ("--header", f"{name}: {value}")]
    return Snippet("Claude Code", "Run in a terminal:", shlex.join(words))


def _claude_desktop(address: PublicAddress, headers: dict[str, str]) -> Snippet:
    words = ["-y", "mcp-remote", address.mcp]
    words += [word for name, value in headers.items() for word in ("--header", f"{name}:{value}")]
    note = "It needs Node.js. " + (
        f"Without a file: Settings, Connectors, Add custom connector, {address.mcp}."
        if address.is_public and not headers
        else "A connector added in Settings needs a public https address without a key."
    )
    config = {"mcpServers": {NAME: {"command": "npx", "args": words}}}
    where = "Settings, Developer, Edit Config; add to claude_desktop_config.json:"
    return Snippet("Claude Desktop", where, _pretty(config), note=note)


def _cursor(address: PublicAddress, headers: dict[str, str]) -> Snippet:
    """The link: https://docs.cursor.com/en/tools/developers (deeplink format)."""
    server: dict[str, Any] = {"url": address.mcp, **({"headers": headers} if headers else {})}
    packed = base64.b64encode(json.dumps(server).encode()).decode()
    link = "cursor://anysphere.cursor-deeplink/mcp/install?" + urlencode({"name": NAME, "config": packed})
    where = "Add to ~/.cursor/mcp.json, or a project's .cursor/mcp.json:"
    return Snippet("Cursor", where, _pretty({"mcpServers": {NAME: server}}), link, "Add to Cursor")


def _vs_code(address: PublicAddress, headers: dict[str, str]) -> Snippet:
    """The link: https://code.visualstudio.com/docs/copilot/customization/mcp-servers (URL handler)."""
    server: dict[str, Any] = {"type": "http", "url": address.mcp, **({"headers": headers} if headers else {})}
    link = "vscode:mcp/install?" + quote(json.dumps({"name": NAME, **server}), safe="")
    where = "Add to .vscode/mcp.json, or run the command MCP: Open User Configuration:"
    return Snippet("VS Code", where, _pretty({"servers": {NAME: server}}), link, "Add to VS Code")


def _chatgpt(address: PublicAddress, headers: dict[str, str]) -> Snippet:
    where = "Settings, Apps & Connectors, Advanced settings, Developer mode; then Create, with this address:"
    wants = "a public https address" + (" and no key, or sign-in by OAuth" if headers else "")
    usable = address.is_public and not headers
    return Snippet(
        "ChatGPT", where, address.mcp, note="" if usable else f"ChatGPT wants {wants}, which is not this one."
    )


def _apify() -> Snippet:
    headers = {"Authorization": f"Bearer {PLATFORM_PLACEHOLDER}"}
    config = {"mcpServers": {NAME: {"type": "http", "url": ACTOR, "headers": headers}}}
    where = "For a server that runs on Apify; its Actor's page names the owner:"
    return Snippet("Apify", where, _pretty(config), note="The token is in Apify Console under API & Integrations.")


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2)
