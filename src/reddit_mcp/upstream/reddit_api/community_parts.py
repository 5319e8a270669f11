"""What a community has beside its description: moderators, wiki pages, flairs. Any field may be missing or odd."""

from typing import Any

from reddit_mcp.models import Value
from reddit_mcp.upstream.reddit_api.json_values import WEB, inner, moment, text

Json = Any


class Moderator(Value):
    """A moderator of a community; `permissions` is "all" or what they may do."""

    username: str
    since_utc: int | None = None
    permissions: tuple[str, ...] = ()


class Moderators(Value):
    """A community's moderators, the longest-serving first."""

    moderators: tuple[Moderator, ...] = ()


class WikiIndex(Value):
    """Names of a community's wiki pages, such as `index` or `config/sidebar`."""

    pages: tuple[str, ...] = ()


class Flair(Value):
    """A label that posts of a community can carry."""

    text: str
    mod_only: bool = False


class Flairs(Value):
    """A community's labels for posts, in its moderators' order."""

    flairs: tuple[Flair, ...] = ()


def moderators(payload: Json) -> Moderators:
    """The answer of `/r/{name}/about/moderators`, a UserList."""
    named = [each for each in _objects(inner(payload, "data", "children")) if text(each.get("name"))]
    return Moderators(moderators=tuple(_moderator(each) for each in named))


def _moderator(data: Json) -> Moderator:
    given = data.get("mod_permissions")
    permissions = tuple(filter(None, map(text, given))) if isinstance(given, list) else ()
    return Moderator(username=text(data["name"]), since_utc=moment(data.get("date")), permissions=permissions)


def wiki_index(payload: Json) -> WikiIndex:
    """The answer of `/r/{name}/wiki/pages`, a wikipagelisting."""
    listed = inner(payload, "data")
    return WikiIndex(pages=tuple(filter(None, map(text, listed))) if isinstance(listed, list) else ())


def flairs(payload: Json) -> Flairs:
    """The answer of `/r/{name}/api/link_flair_v2`, a list."""
    named = [each for each in _objects(payload) if text(each.get("text"))]
    return Flairs(flairs=tuple(Flair(text=text(each["text"]), mod_only=each.get("mod_only") is True) for each in named))


def page_address(community: str, page: str) -> str:
    """Where a wiki page is read."""
    return f"{WEB}/r/{community}/wiki/{page}"


def _objects(value: Json) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
