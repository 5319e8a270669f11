"""Answers whose every field may hold anything: each question ends in an answer or in a Failure."""

import random
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest

from reddit_mcp.errors import Failure, Internal
from reddit_mcp.upstream.client import CommentSort, ListingSort
from tests.support.arctic_shift import Bench
from tests.support.fake_arctic_shift.things import Json

SORTS: tuple[ListingSort, ...] = ("new", "hot", "top", "controversial")
ORDERS: tuple[CommentSort, ...] = ("best", "qa", "controversial", "old")
JUNK: list[Any] = [
    None, True, -1, 0, 1e300, 10**30, float("nan"), "", "x", "t1_", "[deleted]", "\ud800", "1e9", "zzzzzzzzzzzzzz",
    [], [None], {}, {"data": []},
]  # fmt: skip


def spoilt(row: Json, dice: random.Random) -> Json:
    """A row with some of its fields missing or holding anything."""
    names = [*row, "replies", "crosspost_parent", "downs", "ups", "stickied", "permalink", "url", "name", "rules"]
    spoils = {name: dice.choice(JUNK) for name in names if dice.random() < 0.3}
    kept = {name: value for name, value in row.items() if dice.random() < 0.9}
    return kept | {name: value for name, value in spoils.items() if name not in ("created_utc", "display_name")}


def questions(arctic: Bench) -> Iterator[Callable[[], Awaitable[Any]]]:
    """Everything that is asked."""
    reddit, reach = arctic.reddit, arctic.reach
    yield from (partial(reddit.posts, "kettles", sort, "all") for sort in SORTS)
    yield lambda: reddit.search("a -b self:yes", "kettles", "comments", "all")
    yield from (partial(reddit.thread, "p10", order) for order in ORDERS)
    yield lambda: reddit.thread("p10", "top", comment_id="c3")
    yield lambda: reddit.more("p10", ["c1", "c9"])
    yield lambda: reddit.info("t3_p10,t1_c1", "x")
    yield lambda: reddit.user("anna")
    yield lambda: reddit.history("anna", "overview")
    yield lambda: reddit.subreddit("kettles")
    yield lambda: reddit.rules("kettles")
    yield lambda: reddit.completions("k")
    yield lambda: reach.comments("a", "kettles")
    yield lambda: reach.activity("anna")
    yield lambda: reach.resolve(["/r/kettles/s/a"])


@pytest.mark.parametrize("seed", range(15))
async def test_anything_in_any_field(arctic: Bench, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dice, fake = random.Random(seed), arctic.fake
    rows = [fake.posts[10], *fake.comments, fake.communities[0], fake.users[0], {"subreddit": "kettles", "count": 3}]
    rows.append({"path": "/r/kettles/s/a", "resolved_path": "/r/kettles/comments/p10/"})
    rows.append({"subreddit": "kettles", "rules": [{"short_name": "a", "priority": 1}]})

    def answer(_: Any) -> list[Any]:
        found = [spoilt(row, dice) for row in rows] + [dice.choice(JUNK)]
        return found + [{"kind": dice.choice(["t1", "more", 3]), "data": spoilt(row, dice)} for row in rows]

    monkeypatch.setattr(fake, "_routes", lambda: dict.fromkeys(fake.paths, answer))
    answered = 0
    for ask in questions(arctic):
        try:
            await ask()
            answered += 1
        except Failure as failure:
            assert not isinstance(failure, Internal)  # noqa: PT017 - any of the others will do
    assert answered
