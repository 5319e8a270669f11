"""What a post or a comment has beside its text: pictures, films, polls, its original, and what became of it."""

import re
from typing import Any

from reddit_mcp.models import Original, Picture, Poll, PollOption
from reddit_mcp.upstream.reddit_api.json_values import Fields, bare, inner, link, media, moment, text

MOST_PICTURES = 10
MOST_OPTIONS = 10
_MILLISECONDS = 10**11
"""As seconds, a time 3,000 years from now."""

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

TOKEN = re.compile(r"!\[(?:img|gif)\]\(([\w|-]{1,100})(?: \"([^\"\n]{0,300})\")?\)")


def removed(data: Fields, words: str) -> str | None:
    """Who removed it: moderator, automoderator, reddit or author; None when it stands."""
    for told in (data.get("removed_by_category"), inner(data, "_meta", "removal_type")):
        if isinstance(told, str) and told:
            return REMOVERS.get(told.casefold(), "moderator")
    for told in (text(data.get("title")), words):
        if mark := MARKS.get(told.strip().casefold()):
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
    """The pictures that Reddit has of a gallery, or of the one that a crosspost shows, in order."""
    for each in _shown_posts(data):
        items = inner(each, "gallery_data", "items")
        found = (_picture(each, item) for item in (items if isinstance(items, list) else ()))
        if pictures := tuple(picture for picture in found if picture)[:MOST_PICTURES]:
            return pictures
    return ()


def _shown_posts(data: Fields) -> list[Any]:
    """The post, and the one that it shows."""
    listed = data.get("crosspost_parent_list")
    return [data, *(listed[:1] if isinstance(listed, list) else ())]


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
    for each in _shown_posts(data):
        for place in (("media",), ("secure_media",), ("preview",)):
            film = inner(each, *place, "reddit_video") or inner(each, *place, "reddit_video_preview")
            if url := media(inner(film, "fallback_url")):
                return url.partition("?")[0]
    return None


def poll(data: Fields) -> Poll | None:
    """The poll of a post, or of the one that it shows; votes that Reddit does not show are absent."""
    for each in _shown_posts(data):
        found = inner(each, "poll_data")
        listed = inner(found, "options")
        named = [option for option in (listed if isinstance(listed, list) else ()) if text(inner(option, "text"))]
        if named:
            return Poll(
                options=tuple(
                    PollOption(text=text(option["text"]), votes=moment(option.get("vote_count")))
                    for option in named[:MOST_OPTIONS]
                ),
                total_votes=moment(inner(found, "total_vote_count")),
                ends_utc=_seconds(inner(found, "voting_end_timestamp")),
            )
    return None


def _seconds(value: Any) -> int | None:
    """A time that Reddit gives in milliseconds, and some archives in seconds."""
    found = moment(value)
    return found // 1000 if found and found >= _MILLISECONDS else found or None


def with_media(body: str, data: Fields) -> str:
    """A comment's text with the addresses of its pictures in place of Reddit's tokens."""
    return TOKEN.sub(lambda token: _address(token, data), body) if "](" in body else body


def _address(token: re.Match[str], data: Fields) -> str:
    """What a token shows, behind its caption."""
    shown = _shown(token[1], data)
    return " ".join(filter(None, (token[2], shown))) if shown else token[0]


def _shown(identity: str, data: Fields) -> str:
    kind, _, name = identity.partition("|")
    if kind == "giphy" and name:
        return f"https://giphy.com/gifs/{name.partition('|')[0]}"
    return _media(data, identity)


def is_promoted(data: Fields) -> bool:
    """Whether it is an advertisement."""
    return any(data.get(name) is True for name in ("promoted", "is_created_from_ads_ui"))
