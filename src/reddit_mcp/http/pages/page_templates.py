"""Rendering: Jinja2 with escaping on, and the headers that keep everything foreign out of a page."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from reddit_mcp import __version__

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content Security Policy (https://www.w3.org/TR/CSP3/): files of this server alone, and no inline script or style."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept",
}
KINDS = {"css": "text/css", "js": "text/javascript", "png": "image/png", "ico": "image/x-icon"}
REVALIDATED = {"Cache-Control": "public, max-age=3600", "Cross-Origin-Resource-Policy": "same-origin"}


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page."""
    text = _templates().get_template(template).render(**values)
    return HTMLResponse(text, status, HEADERS)


def wants_html(accept: str) -> bool:
    """Whether a person's browser asks; programs take anything, and say so."""
    return "text/html" in accept


def static_routes() -> list[Route]:
    """The files that pages load, and the icons; all are read once."""
    return [
        Route("/static/{name}", _static, methods=["GET"]),
        Route("/favicon.ico", _icon, methods=["GET"], name="favicon.ico"),
        Route("/icon.png", _icon, methods=["GET"], name="icon.png"),
    ]


async def _static(request: Request) -> Response:
    return _file(request.path_params["name"])


async def _icon(request: Request) -> Response:
    return _file(request.url.path[1:])


def _file(name: str) -> Response:
    content = _contents().get(name)
    if content is None:
        return Response(status_code=404)
    return Response(content, media_type=KINDS[name.rpartition(".")[2]], headers=REVALIDATED)


@cache
def _contents() -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in (files(__package__) / "static").iterdir()}


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("reddit_mcp.http.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(version=__version__, static=_versioned)
    return environment


def _versioned(name: str) -> str:
    """The address of a file; another one when its content is another, so that no browser mixes two versions."""
    return f"/static/{name}?v={hashlib.sha256(_contents()[name]).hexdigest()[:12]}"
