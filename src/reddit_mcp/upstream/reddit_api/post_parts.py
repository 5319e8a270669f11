"""What a post or a comment has beside its text: pictures, films, polls, its original, and what became of it."""

import re
from typing import Any

from reddit_mcp.models import Original, Picture, Poll, PollOption
from reddit_mcp.upstream.reddit_api.json_values import Fields, bare, inner, integer, link, media, text

MOST_PICTURES = 10
MOST_OPTIONS = 10

REMOVERS = {
    "moderator": "moderator",
    "automod_filtered": "automoderator",
    "automoderator": "automoderator",
    "reddit": "reddit",
    "anti_evil_ops": "reddit",
    "community_ops": "reddit",
    "legal_operations": "reddit",
    "copyright_takedown": "reddit",
    "content_takedown": "reddit",
    "author": "author",
    "deleted": "author",
}
"""Reddit's `removed_by_category`, and the removal types of archives."""

MARKS = {
    "[removed]": "moderator",
    "[ removed by reddit ]": "reddit",
    "[removed by reddit]": "reddit",
    "[deleted]": "author",
    "[deleted by user]": "author",
}
"""What stands in the place of a text that is gone."""

TOKEN = re.compile(r"!\[(?:img|gif)\]\(([\w|-]{1,100})\)")


def removed(data: Fields, words: str) -> str | None:
    """Who removed it: moderator, automoderator, reddit or author; None when it stands."""
    for told in (data.get("removed_by_category"), inner(data, "_meta", "removal_type")):
        if isinstance(told, str) and told:
            return REMOVERS.get(told.casefold(), "moderator")
    if mark := MARKS.get(words.strip().casefold()):
        return mark
    banned = data.get("banned_by")
    if isinstance(banned, str) and banned:
        return "automoderator" if banned.casefold() == "automoderator" else "moderator"
    return "moderator" if banned is True else None


def original(data: Fields) -> Original | None:
    """What a crosspost shows."""
    listed = data.get("crosspost_parent_list")
    parent = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    identity = bare(parent.get("id")) or bare(data.get("crosspost_parent"))
    if not identity:
        return None
    return Original(
        id=identity,
        subreddit=text(parent.get("subreddit")) or None,
        title=text(parent.get("title")) or None,
        permalink=link(parent.get("permalink")) or None,
    )


def gallery(data: Fields) -> tuple[Picture, ...]:
    """The pictures of a gallery that Reddit has, in order."""
    items = inner(data, "gallery_data", "items")
    found = (_picture(data, item) for item in (items if isinstance(items, list) else ()))
    return tuple(picture for picture in found if picture)[:MOST_PICTURES]


def _picture(data: Fields, item: Any) -> Picture | None:
    url = _media(data, text(inner(item, "media_id")))
    return Picture(url=url, caption=text(inner(item, "caption")) or None) if url else None


def _media(data: Fields, identity: str) -> str:
    """The address of a thing in `media_metadata`; nothing where it is missing or failed."""
    found = inner(data, "media_metadata", identity)
    if inner(found, "status") not in (None, "valid"):
        return ""
    source = inner(found, "s")
    return media(inner(source, "u")) or media(inner(source, "gif")) or media(inner(source, "mp4"))


def video_url(data: Fields) -> str | None:
    """The film of a post, or of the post that it shows."""
    listed = data.get("crosspost_parent_list")
    posts = [data, *(listed if isinstance(listed, list) else ())]
    for each in posts:
        for place in (("media",), ("secure_media",), ("preview",)):
            film = inner(each, *place, "reddit_video") or inner(each, *place, "reddit_video_preview")
            if url := media(inner(film, "fallback_url")):
                return url.partition("?")[0]
    return None


def poll(data: Fields) -> Poll | None:
    """The poll of a post; votes that Reddit does not show are absent."""
    found = data.get("poll_data")
    options = inner(found, "options")
    if not isinstance(options, list) or not options:
        return None
    ends = integer(inner(found, "voting_end_timestamp"))
    return Poll(
        options=tuple(
            PollOption(text=text(inner(option, "text")), votes=integer(inner(option, "vote_count")))
            for option in options[:MOST_OPTIONS]
        ),
        total_votes=integer(inner(found, "total_vote_count")),
        ends_utc=None if ends is None else ends // 1000,
    )


def with_media(body: str, data: Fields) -> str:
    """A comment's text with the addresses of its pictures in place of Reddit's tokens."""
    return TOKEN.sub(lambda token: _shown(token[1], data) or token[0], body) if "](" in body else body


def _shown(identity: str, data: Fields) -> str:
    kind, _, name = identity.partition("|")
    if kind == "giphy" and name:
        return f"https://giphy.com/gifs/{name.partition('|')[0]}"
    return _media(data, identity)


def is_promoted(data: Fields) -> bool:
    """Whether it is an advertisement."""
    return any(data.get(name) is True for name in ("promoted", "is_created_from_ads_ui"))
