"""A client of the fake Arctic Shift for tests."""

import contextlib
from collections.abc import AsyncIterator

import pytest

from reddit_mcp.upstream.arctic_shift import Api, ArcticReach, ArcticShift
from reddit_mcp.upstream.client import Reddit
from tests.support.fake_arctic_shift import NOW, FakeArcticShift, comment, community, post
from tests.support.fake_arctic_shift.things import DAY

HOUR = 3600


class Spent:
    """Counts the tokens that were taken."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1


class Bench:
    """The fake, and everything that asks it."""

    def __init__(self, fake: FakeArcticShift, api: Api, url: str) -> None:
        self.fake = fake
        self.url = url
        self.api = api
        self.spent = Spent()
        self.source = ArcticShift(api, self.spent, lambda: NOW)
        self.reddit = Reddit(self.source)
        self.reach = ArcticReach(api, self.spent, lambda: NOW)


@contextlib.asynccontextmanager
async def bench(seconds: float = 10.0, most_bytes: int = 16_000_000) -> AsyncIterator[Bench]:
    """An empty one."""
    fake = FakeArcticShift()
    async with fake.running() as url:
        api = Api(url, "server:test:1 (by /u/tester)", seconds, most_bytes)
        try:
            yield Bench(fake, api, url)
        finally:
            fake.closing.set()
            await api.aclose()


@pytest.fixture
async def arctic() -> AsyncIterator[Bench]:
    """A furnished fake of Arctic Shift."""
    async with bench() as found:
        furnish(found.fake)
        yield found


def furnish(fake: FakeArcticShift) -> None:
    """A few communities, a month of posts and a thread."""
    fake.communities += [community("kettles", 900), community("kettlebells", 500), community("pots", 50)]
    fake.communities.append(community("ketteringadult", 5, over18=True))
    fake.users.append({"author": "Anna", "id": None, "_meta": {"num_posts": 40, "total_karma": 900}})
    for number in range(40):
        words = "blue kettle" if number % 4 == 0 else "red pot"
        fake.posts.append(
            post(f"p{number:02d}", (number + 1) * 12 * HOUR, title=f"{words} {number}", score=number * 7 % 40,
                 num_comments=number * 3 % 11, subreddit="kettles" if number % 2 == 0 else "pots")
        )  # fmt: skip
    fake.comments += [
        comment("c1", "p10", score=3),
        comment("c2", "p10", score=50),
        comment("c3", "p10", "c1", score=9, author="anna"),
        comment("c4", "p10", "c3", score=-4, age=8 * DAY),
        comment("c5", "p10", score=20, age=7 * DAY, controversiality=1),
    ]
