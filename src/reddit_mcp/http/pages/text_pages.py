"""`/privacy`, `/terms` and `/support`: the texts of docs/, which are written in Markdown."""

from functools import cache
from importlib.resources import files

from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reddit_mcp.http.pages.page_templates import page
from reddit_mcp.settings import Settings

TITLES = {"privacy": "Privacy", "terms": "Terms of use", "support": "Support"}


def text_routes(settings: Settings) -> list[Route]:
    """A page each; all name OPERATOR_CONTACT where it is set."""

    async def text(request: Request) -> Response:
        name = request.url.path[1:]
        return page(
            "text.html", title=TITLES[name], text=_rendered(name), here=f"/{name}", contact=settings.operator_contact
        )

    return [Route(f"/{name}", text, methods=["GET"]) for name in TITLES]


@cache
def _rendered(name: str) -> Markup:
    """Safe without escaping: the text is part of the package, and raw HTML in it is not let through."""
    text = (files(__package__) / "texts" / f"{name}.md").read_text(encoding="utf-8")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return Markup(markdown.render(text))  # noqa: S704
