"""Rows of the run's default dataset: ids, addresses and counts of posts, never their authors or text.

A dataset cannot be changed, so nothing may stand there that somebody may want deleted from Reddit.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from reddit_mcp.errors import Unavailable
from reddit_mcp.models import Match, Watch
from reddit_mcp.observability.logs import logger

Row = Mapping[str, str | int | bool | None]
Push = Callable[[Sequence[Row]], Awaitable[None]]


def of_post(job: str, post: Mapping[str, Any]) -> Row:
    """A post as the tools show it."""
    return {
        "job": job,
        "post_id": post.get("id"),
        "permalink": _address(post),
        "subreddit": post.get("subreddit"),
        "score": post.get("score"),
        "num_comments": post.get("num_comments"),
        "created_utc": post.get("created_utc"),
    }


def of_match(match: Match) -> Row:
    """What a watch found."""
    return {
        **of_post("watch-tick", match.post),
        "watch_id": match.watch_id,
        "keyword": match.keyword,
        "matched_utc": match.matched_utc,
    }


def of_check(name: str, *, ok: bool, message: str) -> Row:
    """What a self-check found about one part."""
    return {"job": "self-check", "check": name, "ok": ok, "message": message}


class MatchRows:
    """Carries the matches of one account's watches into the dataset of its run.

    Runs of other accounts may share the store, and any of them may process a watch that is due: its owner's matches
    are shown to nobody else.

    Attributes:
        count: rows added so far.

    Args:
        owner: whose watches.
        push: where the rows go.
    """

    def __init__(self, owner: str, push: Push) -> None:
        self._owner = owner
        self._push = push
        self.count = 0
        self._log = logger(__name__)

    async def matched(self, watch: Watch, matches: Sequence[Match]) -> None:
        """Add the matches; rows that the platform does not take are counted, and the matches stay where they are."""
        if watch.owner != self._owner or not matches:
            return
        try:
            await self._push([of_match(match) for match in matches])
            self.count += len(matches)
        except Unavailable:
            self._log.warning("match_rows_lost", rows=len(matches))


def _address(post: Mapping[str, Any]) -> str:
    """The post's address without the words of its title."""
    return f"https://www.reddit.com/r/{post.get('subreddit')}/comments/{post.get('id')}/"
