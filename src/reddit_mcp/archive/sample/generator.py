"""The sample as (kind, data) pairs, from a seed."""

from collections.abc import Iterator
from random import Random
from typing import Any

from reddit_mcp.archive.sample import reddit_shapes
from reddit_mcp.archive.sample.people import People
from reddit_mcp.archive.sample.sample_posts import DAY, Draft, Poster
from reddit_mcp.archive.sample.sample_text import Community, Phrases, Voice, load_communities, load_phrases
from reddit_mcp.archive.sample.sample_threads import Crowd
from reddit_mcp.archive.sqlite.raw_fields import base36

Thing = tuple[str, dict[str, Any]]
SEED = 1729
# Where each kind's ids begin. They grow with time, as Reddit's do; apart by more than the sample can use.
_FIRST_POST, _FIRST_COMMENT = int("1q4c000", 36), int("n4c0000", 36)
_FIRST_ACCOUNT, _FIRST_COMMUNITY = int("9k2c000", 36), int("7s4c00", 36)


def generate(now: int, seed: int = SEED) -> Iterator[Thing]:
    """The whole sample: communities, accounts, posts, comments, each kind oldest first.

    Every thing but its times is the seed's alone, so ids and texts stay while `now` (seconds since 1970) moves on.
    """
    rng = Random(seed)  # noqa: S311 - a repeatable sample, no secret
    phrases, communities = load_phrases(), load_communities()
    people = People(phrases, communities, rng)
    posts = _posts(phrases, communities, people, rng)
    homes = dict(zip((c.name for c in communities), _ids("t5_", _FIRST_COMMUNITY, rng), strict=False))
    accounts = dict(zip(people.names, _ids("t2_", _FIRST_ACCOUNT, rng), strict=False))
    for community in communities:
        created = now - rng.randint(2 * 365, 12 * 365) * DAY
        yield "t5", reddit_shapes.community(community, homes[community.name], created, phrases.note)
    yield from _accounts(people, communities, accounts, phrases.note, now, rng)
    yield from _contents(posts, homes, accounts, now)


def _posts(phrases: Phrases, communities: list[Community], people: People, rng: Random) -> list[Draft]:
    """All posts with their threads, numbered oldest first."""
    voice = Voice(phrases, rng)
    poster, crowd = Poster(phrases, people, voice, rng), Crowd(phrases, people, voice, rng)
    posts = [post for community in communities for post in poster.posts(community)]
    for post in posts:
        crowd.discuss(post)
    posts.sort(key=lambda post: -post.age)
    remarks = sorted((remark for post in posts for remark in post.remarks), key=lambda remark: -remark.age)
    for post, number in zip(posts, _ids("", _FIRST_POST, rng), strict=False):
        post.id = number
    for remark, number in zip(remarks, _ids("", _FIRST_COMMENT, rng), strict=False):
        remark.id = number
    return posts


def _accounts(
    people: People, communities: list[Community], ids: dict[str, str], note: str, now: int, rng: Random
) -> Iterator[Thing]:
    """The accounts; one of them is suspended."""
    moderators = {people.moderator(community) for community in communities}
    outcast = next(name for name in people.names if name not in moderators)
    for name in people.names:
        created = now - rng.randint(60, 14 * 365) * DAY
        karma = (rng.randint(1, 40_000), rng.randint(1, 90_000))
        if name == outcast:
            yield "t2", reddit_shapes.suspended(name)
        else:
            yield "t2", reddit_shapes.account(name, ids[name], created, karma, moderates=name in moderators, note=note)


def _contents(posts: list[Draft], homes: dict[str, str], accounts: dict[str, str], now: int) -> Iterator[Thing]:
    for post in posts:
        yield "t3", reddit_shapes.post(post, homes[post.community.name], accounts.get(post.author), now)
    for post in posts:
        home = homes[post.community.name]
        for remark in post.remarks:
            yield "t1", reddit_shapes.comment(remark, post, home, accounts.get(remark.author), now)


def _ids(prefix: str, first: int, rng: Random) -> Iterator[str]:
    """Growing base-36 ids, with gaps."""
    number = first
    while True:
        number += rng.randint(1, 4_000)
        yield prefix + base36(number)
