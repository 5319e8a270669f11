"""Reddit's JSON into models. Every field of Reddit's may be missing, null or of another type than last year."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from reddit_mcp.models import (
    Branches,
    Comment,
    Communities,
    Discussed,
    Listing,
    More,
    Names,
    Post,
    Rule,
    Rules,
    Subreddit,
    Thread,
    User,
    Value,
)
from reddit_mcp.upstream.reddit_api import community_parts, post_parts
from reddit_mcp.upstream.reddit_api.community_parts import Flairs, Moderators, WikiIndex
from reddit_mcp.upstream.reddit_api.json_values import WEB, moment
from reddit_mcp.upstream.reddit_api.json_values import integer as _integer
from reddit_mcp.upstream.reddit_api.json_values import link as _link
from reddit_mcp.upstream.reddit_api.json_values import number as _number
from reddit_mcp.upstream.reddit_api.json_values import text as _text
from reddit_mcp.upstream.reddit_api.text.readable_text import readable
from reddit_mcp.upstream.source import Json

T = TypeVar("T", bound=Value)

ENTITY = re.compile(rb"&(?:amp|lt|gt);")
BARE = re.compile(rb"[<>]|&(?!amp;|lt;|gt;)")


class UnexpectedShape(ValueError):
    """The JSON is not what this endpoint answers with."""


def escaped(body: bytes) -> bool:
    """Whether this answer's text is HTML-escaped although `raw_json=1` was sent, as archives and proxies may do.

    Escaped text has no bare `&`, `<` or `>` left. Raw text may hold an entity that a person typed, but then it has bare
    ones too, in its HTML fields and addresses (true of each of 637 recorded answers, where a sign in one field is not).
    """
    return bool(ENTITY.search(body)) and not BARE.search(body)


def unescaped(body: bytes) -> Json:
    """The JSON without Reddit's escaping of `&`, `<` and `>`, undone once (Reddit's API notes: `raw_json`)."""
    return json.loads(body.replace(b"&lt;", b"<").replace(b"&gt;", b">").replace(b"&amp;", b"&"))


def parse(model: type[T], payload: Json) -> T:
    """Build the model from the payload.

    Raises:
        UnexpectedShape: the payload is of another kind.
    """
    value = _PARSERS[model](payload)
    if not isinstance(value, model):
        raise UnexpectedShape(model.__name__)
    return value


def _object(value: Json) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnexpectedShape(type(value).__name__)
    return value


def _name(value: Json) -> str:
    if not (name := _text(value)):
        raise UnexpectedShape("no name")
    return name


def _author(data: dict[str, Any]) -> str:
    return _text(data.get("author")) or "[deleted]"


def _bare_id(data: dict[str, Any]) -> str:
    return _text(data.get("id") or data.get("name")).rpartition("_")[2]


def post(data: dict[str, Any]) -> Post:
    """A `t3` object."""
    identity, community = _bare_id(data), _text(data.get("subreddit"))
    selftext, hidden = _text(data.get("selftext")), data.get("hide_score") is True
    return Post(
        id=identity,
        title=_text(data.get("title")),
        author=_author(data),
        subreddit=community,
        created_utc=_integer(data.get("created_utc")),
        score=None if hidden else _integer(data.get("score")),
        upvote_ratio=_number(data.get("upvote_ratio")),
        num_comments=_integer(data.get("num_comments")),
        url=_link(data.get("url")),
        permalink=_link(data.get("permalink")) or f"{WEB}/comments/{identity}/",
        selftext=post_parts.with_media(readable(selftext), data),
        link_flair_text=_text(data.get("link_flair_text")) or None,
        is_self=data.get("is_self") is True,
        is_video=data.get("is_video") is True,
        over_18=data.get("over_18") is True,
        spoiler=data.get("spoiler") is True,
        stickied=data.get("stickied") is True,
        crosspost_parent=_text(data.get("crosspost_parent")).rpartition("_")[2] or None,
        crosspost_of=post_parts.original(data),
        gallery=post_parts.gallery(data),
        video_url=post_parts.video_url(data),
        poll=post_parts.poll(data),
        removed=post_parts.removed(data, selftext),
        locked=data.get("locked") is True,
        archived=data.get("archived") is True,
        edited_utc=moment(data.get("edited")),
        score_hidden=hidden,
        contest_mode=data.get("contest_mode") is True,
        author_flair_text=_text(data.get("author_flair_text")) or None,
    )


def comment(data: dict[str, Any], depth: int = 0) -> Comment:
    """A `t1` object at a depth of its thread; its replies are walked by the caller."""
    identity, body, hidden = _bare_id(data), _text(data.get("body")), data.get("score_hidden") is True
    thread = _text(data.get("link_id")).rpartition("_")[2]
    return Comment(
        id=identity,
        author=_author(data),
        body=post_parts.with_media(readable(body), data),
        score=None if hidden else _integer(data.get("score")),
        created_utc=_integer(data.get("created_utc")),
        depth=depth,
        parent_id=_text(data.get("parent_id")),
        is_submitter=data.get("is_submitter") is True,
        stickied=data.get("stickied") is True,
        distinguished=_text(data.get("distinguished")) or None,
        permalink=_link(data.get("permalink")) or f"{WEB}/comments/{thread}/_/{identity}/",
        subreddit=_text(data.get("subreddit")),
        removed=post_parts.removed(data, body),
        edited_utc=moment(data.get("edited")),
        score_hidden=hidden,
        collapsed_reason=_text(data.get("collapsed_reason")) or None,
    )


def lone_comment(data: dict[str, Any]) -> Comment:
    """A `t1` object outside its thread, where Reddit tells its post's title."""
    thread, community = _text(data.get("link_id")).rpartition("_")[2], _text(data.get("subreddit"))
    post = Discussed(id=thread, title=_text(data.get("link_title")), subreddit=community) if thread else None
    return comment(data).model_copy(update={"post": post})


def more(data: dict[str, Any], depth: int = 0) -> More:
    """A `more` object: old ones say count 0 although they name children."""
    listed = data.get("children")
    children = tuple(filter(None, map(_text, listed))) if isinstance(listed, list) else ()
    count = max(_integer(data.get("count")) or 0, len(children))
    return More(parent_id=_text(data.get("parent_id")), count=count, children=children, depth=depth)


def _children(listing: Json) -> Iterator[tuple[str, dict[str, Any]]]:
    """The things of a listing; one without an identity is left out, the others stay."""
    listed = _object(_object(listing).get("data")).get("children")
    for child in listed if isinstance(listed, list) else ():
        if isinstance(child, dict) and isinstance(data := child.get("data"), dict):
            kind = _text(child.get("kind"))
            if kind in ("more", "t5") or isinstance(data.get("id") or data.get("name"), str):
                yield kind, data


def listing(payload: Json) -> Listing:
    """A page of `t3` and `t1`; other kinds, and advertisements, are left out."""
    makers: dict[str, Callable[[dict[str, Any]], Post | Comment]] = {"t3": post, "t1": lone_comment}
    shown = ((kind, data) for kind, data in _children(payload) if kind in makers and not post_parts.is_promoted(data))
    items = tuple(makers[kind](data) for kind, data in shown)
    return Listing(items=items, after=_text(_object(payload)["data"].get("after")) or None)


def _walk(listing_: Json) -> Iterator[Comment | More]:
    """A tree in reading order, without recursion: threads may be deep."""
    stack = [(0, child) for child in reversed(list(_children(listing_)))]
    while stack:
        depth, (kind, data) = stack.pop()
        if kind == "more":
            yield more(data, depth)
        if kind == "t1":
            yield comment(data, depth)
            if isinstance(data.get("replies"), dict):  # "" or null where there are none
                stack.extend((depth + 1, child) for child in reversed(list(_children(data["replies"]))))


def thread(payload: Json) -> Thread:
    """The two listings of `/comments/{id}`: the post, and the tree."""
    if not isinstance(payload, list) or len(payload) < 2:  # noqa: PLR2004 - a pair
        raise UnexpectedShape("thread")
    head = next((data for kind, data in _children(payload[0]) if kind == "t3"), None)
    if head is None:
        raise UnexpectedShape("post")
    nodes = list(_walk(payload[1]))
    return Thread(
        post=post(head),
        comments=tuple(node for node in nodes if isinstance(node, Comment)),
        more=tuple(node for node in nodes if isinstance(node, More)),
    )


def branches(payload: Json) -> Branches:
    """The flat things of `/api/morechildren`; depths are set where they join the thread."""
    inner = _object(_object(payload).get("json"))
    nodes = list(_walk({"data": {"children": _object(inner.get("data")).get("things")}}))
    return Branches(
        comments=tuple(node for node in nodes if isinstance(node, Comment)),
        more=tuple(node for node in nodes if isinstance(node, More)),
    )


def user(payload: Json) -> User:
    """A `t2` object; a suspended account shows its name alone."""
    data = _object(_object(payload).get("data"))
    verified = data.get("has_verified_email")
    return User(
        username=_name(data.get("name")),
        created_utc=_integer(data.get("created_utc")),
        link_karma=_integer(data.get("link_karma")),
        comment_karma=_integer(data.get("comment_karma")),
        is_gold=data.get("is_gold") is True,
        is_mod=data.get("is_mod") is True,
        has_verified_email=verified if isinstance(verified, bool) else None,
        is_suspended=data.get("is_suspended") is True,
    )


def subreddit(payload: Json) -> Subreddit:
    """A `t5` object. Reddit stopped sending `active_user_count` to most callers; it stays null then."""
    data = _object(_object(payload).get("data"))
    active = data.get("active_user_count")
    return Subreddit(
        name=_name(data.get("display_name")),
        title=_text(data.get("title")),
        description=_text(data.get("public_description")),
        subscribers=_integer(data.get("subscribers")),
        active_users=_integer(data.get("accounts_active") if active is None else active),
        created_utc=_integer(data.get("created_utc")),
        over18=data.get("over18") is True,
        url=_link(data.get("url")),
    )


def found_communities(payload: Json) -> Communities:
    """A page of `t5`; one without a name is left out."""
    named = [data for kind, data in _children(payload) if kind == "t5" and _text(data.get("display_name"))]
    items = tuple(subreddit({"data": data}) for data in named)
    return Communities(items=items, after=_text(_object(payload)["data"].get("after")) or None)


def rules(payload: Json) -> Rules:
    """The answer of `/r/{name}/about/rules`."""
    listed = _object(payload).get("rules")
    return Rules(
        rules=tuple(
            Rule(
                short_name=_text(rule.get("short_name")),
                description=_text(rule.get("description")),
                kind=_text(rule.get("kind")),
            )
            for rule in (listed if isinstance(listed, list) else ())
            if isinstance(rule, dict)
        )
    )


def community_names(payload: Json) -> Names:
    """The answer of `/api/search_reddit_names`."""
    listed = _object(payload).get("names")
    return Names(names=tuple(filter(None, map(_text, listed))) if isinstance(listed, list) else ())


_PARSERS: dict[type[Value], Callable[[Json], Value]] = {
    Listing: listing,
    Thread: thread,
    Branches: branches,
    User: user,
    Subreddit: subreddit,
    Rules: rules,
    Names: community_names,
    Communities: found_communities,
    Moderators: lambda payload: community_parts.moderators(_object(payload)),
    WikiIndex: lambda payload: community_parts.wiki_index(_object(payload)),
    Flairs: community_parts.flairs,
}
