"""`/`: what this is, how to connect to it, and the tools to try; programs get a sentence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reddit_mcp.http.pages.connect_snippets import PLACEHOLDER, PLATFORM_PLACEHOLDER, snippets
from reddit_mcp.http.pages.page_templates import page, wants_html
from reddit_mcp.http.pages.public_address import public_address
from reddit_mcp.http.pages.tool_forms import ListedTool
from reddit_mcp.settings import Settings
from reddit_mcp.tiers import SETTABLE, read_tiers

SENTENCE = "reddit-mcp: an MCP server for Reddit. Point an MCP client at /mcp.\n"

SOURCES = {
    "reddit": ("Reddit", "Answers come from Reddit's own API, now."),
    "arctic_shift": (
        "Arctic Shift",
        "Answers come from a public archive of Reddit: new posts within a minute or so, scores as of 36 hours later.",
    ),
    "archive": ("An archive", "Answers come from an archive that the operator imported, as of its import."),
    "sample": ("Sample data", "Answers are invented, for trying things out: no real source can be reached now."),
}

EXAMPLES = {"sample": "WeeknightKitchen", "archive": "all"}
"""A community that the source has; `EXAMPLES` of `tool_forms` else."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the page tells beside the settings.

    Attributes:
        tools: every tool.
        prices: USD by event; empty where calls are not billed.
        source: the source that answers now, and why.
    """

    tools: Sequence[ListedTool]
    prices: Mapping[str, Decimal]
    source: Callable[[], tuple[str, str]]


def landing_routes(settings: Settings, offer: Offer) -> list[Route]:
    """`GET /`."""
    credential = credential_of(settings)
    tiers = read_tiers(settings.tiers).tiers
    shown = [(name, tiers[name]) for name in SETTABLE if name != "anonymous" or settings.allow_anonymous]

    async def home(request: Request) -> Response:
        if not wants_html(request.headers.get("accept", "")):
            return PlainTextResponse(SENTENCE)
        address, (name, why) = public_address(request.scope, settings), offer.source()
        title, meaning = SOURCES[name]
        return page(
            "landing.html",
            here="/",
            address=address,
            snippets=list(snippets(address, credential=credential)),
            source={"name": name, "title": title, "meaning": meaning, "why": why},
            tools=offer.tools,
            example=EXAMPLES.get(name, ""),
            tiers=shown if settings.authentication != "none" or settings.allow_anonymous else [],
            prices=offer.prices,
            credential=credential,
            strangers=settings.allow_anonymous,
        )

    return [Route("/", home, methods=["GET"])]


def credential_of(settings: Settings) -> str:
    """What stands for the key in a snippet; empty where calls need none."""
    if settings.authentication == "apify":
        return PLATFORM_PLACEHOLDER
    return "" if settings.authentication == "none" or settings.allow_anonymous else PLACEHOLDER
