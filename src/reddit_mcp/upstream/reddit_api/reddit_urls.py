"""The forms of Reddit's addresses, and what each means: one table, read from top to bottom.

An address has a host (`www.reddit.com/r/python`) or is the path of one (`/r/python/comments/1abc2d`). Hosts of files
(i.redd.it, v.redd.it, preview.redd.it) and of other services know no posts, and a path of one piece on reddit.com
(`/hot/`, `/settings`) is a page of the site, never an id.
"""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

LONGEST = 2_000
SITE = "reddit.com"
SHORT_HOSTS = ("redd.it", "www.redd.it")
OTHER_HOSTS = tuple(
    f"{name}.{SITE}" for name in ("out", "ads", "chat", "mod", "support", "click", "business", "developers")
)
FOREIGN = "is not an address of Reddit's"
NAME, PIECE, BASE36 = r"[A-Za-z0-9_+-]{1,300}", r"[^/]*", r"(?:t[13]_)?[A-Za-z0-9]{1,13}"
PLACE = rf"(?:r/(?P<community>{NAME})|(?:u|user)/(?P<user>[A-Za-z0-9_-]{{1,20}}))"
CUSTOM_FEED = re.compile(r"(?:u|user)/[^/]+/m/|me/m/", re.IGNORECASE)

FORMS = tuple(
    re.compile(form, re.IGNORECASE | re.ASCII)
    for form in (
        rf"{PLACE}/s/(?P<share>[A-Za-z0-9]{{1,32}})",
        rf"(?:{PLACE}/)?comments/(?P<post>{BASE36})(?:/{PIECE}(?:/(?P<comment>{BASE36}))?)?",
        rf"(?:{PLACE}/)?(?:duplicates|gallery|poll|tb)/(?P<post>{BASE36})(?:/{PIECE})?",
        rf"(?:{PLACE}/)?link/(?P<post>{BASE36})(?:/video/{PIECE}(?:/player)?)?",
        rf"by_id/(?P<post>t3_{BASE36})",
        rf"{PLACE}(?:/.*)?",
    )
)
"""Paths without slashes at their ends and without `.json`. The last form is a place's own pages (/r/python/top)."""


@dataclass(frozen=True, slots=True)
class Address:
    """What an address names; "" where it names no such thing.

    Attributes:
        share: the path of a share link.
        context: how many parents of the comment it asks for.
    """

    community: str = ""
    user: str = ""
    post: str = ""
    comment: str = ""
    share: str = ""
    context: int = 0


def read(text: str) -> Address | None:
    """What an address names; None of a text that is a bare name or id.

    Raises:
        ValueError: the address is another site's.
    """
    parts = _parts(text)
    if parts is None:
        return None
    host = (parts.hostname or "").lower() if parts.netloc else SITE
    path = re.sub(r"(?:/?\.(?:json|rss|xml|compact|mobile))?/*$", "", unquote(parts.path)).lstrip("/")
    if host in SHORT_HOSTS:
        return Address(post=path)
    if not (host == SITE or host.endswith((f".{SITE}", ".redd.it"))):
        raise ValueError(FOREIGN)
    if host in OTHER_HOSTS or host.endswith(".redd.it") or CUSTOM_FEED.match(path):
        return Address()
    found = next((match for form in FORMS if (match := form.fullmatch(path))), None)
    return _address(found.groupdict(default=""), path, parts.query) if found else Address()


def joined(text: str) -> str:
    """Communities of one address (`reddit.com/r/a+b`) as their bare names; any other text as it is."""
    parts = _parts(text) if "," not in text and not re.search(r"\+/?(?:r/|https?:)", text) else None
    found = read(text) if parts else None
    return found.community or text if found else text


def _parts(text: str) -> SplitResult | None:
    """The pieces of an address; None of a text without a slash and without a host."""
    text = text.strip()[:LONGEST]
    if not re.search(r"[/.]", text.rstrip("/")):
        return None
    text = text.lstrip("<([\"'").rstrip(">)]\"'.,;:!")
    first = text.partition("/")[0]
    if "://" not in text:
        text = f"https://{text}" if "." in first else f"//{SITE}/{text.lstrip('/')}"
    try:
        return urlsplit(text)
    except ValueError:
        raise ValueError(FOREIGN) from None


def _address(found: dict[str, str], path: str, query: str) -> Address:
    context = parse_qs(query).get("context", [""])[-1]
    profile = f"u_{found['user']}" if found.get("user") else ""
    return Address(
        community=found.get("community") or profile,
        user=found.get("user", ""),
        post=found.get("post", ""),
        comment=found.get("comment", ""),
        share=f"/{path}" if found.get("share") else "",
        context=int(context) if context.isascii() and context.isdigit() and len(context) < 3 else 0,  # noqa: PLR2004
    )
