"""Every page for people, and what programs read without a key."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import cast

from starlette.routing import Route

from reddit_mcp.http.pages.discovery_routes import discovery_routes
from reddit_mcp.http.pages.landing_page import Offer, credential_of, landing_routes
from reddit_mcp.http.pages.page_templates import static_routes
from reddit_mcp.http.pages.text_pages import text_routes
from reddit_mcp.http.pages.tool_forms import ListedTool, listed
from reddit_mcp.settings import Settings
from reddit_mcp.tools import Services, specs


def page_routes(
    settings: Settings,
    source: Callable[[], tuple[str, str]],
    protocols: tuple[str, ...],
    prices: Mapping[str, Decimal],
) -> Iterator[Route]:
    """The routes.

    Args:
        settings: of the server.
        source: the source that answers now, and why.
        protocols: the revisions of MCP that are spoken.
        prices: USD by event; empty where calls are not billed.
    """
    yield from landing_routes(settings, Offer(listed_tools(), prices, source))
    yield from text_routes(settings)
    yield from discovery_routes(settings, protocols, wants_key=bool(credential_of(settings)))
    yield from static_routes()


def listed_tools() -> tuple[ListedTool, ...]:
    """Every tool as it is declared; none is called, so none needs its services."""
    unbound = cast("Services", None)
    tools = [(spec.read_only, spec.bind(unbound)) for spec in specs()]
    return tuple(
        listed(tool.name, tool.title or tool.name, tool.description, tool.parameters, read_only=read_only)
        for read_only, tool in tools
    )
