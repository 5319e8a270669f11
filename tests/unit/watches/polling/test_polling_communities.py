"""Communities that Reddit does not show hold up no others, are noted, and lose nothing when they come back."""

from reddit_mcp.errors import RateLimited
from tests.support.polling_setup import home as home  # noqa: PLC0414 - fixtures
from tests.support.polling_setup import server as server  # noqa: PLC0414
from tests.support.polling_setup import told as told  # noqa: PLC0414
from tests.support.watches import NOW, House

MINE = ("golang", "gone", "python")


def asked_for(home: House) -> list[list[str]]:
    """The communities of each listing since the last look."""
    asked = [sorted(path.split("/")[2].split("+")) for path in home.reddit.paths if path.endswith("/new")]
    home.reddit.queries.clear()
    return sorted(asked)


async def test_one_that_cannot_be_read_is_noted_and_asked_for_alone(home: House) -> None:
    home.reddit.missing = {"gone"}
    watch = await home.watch("rust", subreddits=MINE)
    await home.after(0)
    assert (await home.watches.get("ada", watch.watch_id)).unreadable == ("gone",)
    asked_for(home)
    home.reddit.add(1, "rust", NOW + 60, "golang")
    await home.after(5)
    assert asked_for(home) == [["golang", "python"], ["gone"]]
    assert await home.found(watch) == ["p1"]


async def test_one_that_comes_back_is_read_from_where_it_was_left(home: House) -> None:
    watch = await home.watch("rust", subreddits=MINE)
    await home.after(0)
    home.reddit.missing = {"gone"}
    home.reddit.add(1, "rust", NOW + 60, "gone")
    home.reddit.add(2, "rust", NOW + 60, "python")
    await home.after(5)
    await home.after(5)
    assert await home.found(watch) == ["p2"]
    home.reddit.missing = set()
    asked_for(home)
    await home.after(5)
    assert sorted(await home.found(watch)) == ["p1", "p2"]
    assert (await home.watches.get("ada", watch.watch_id)).unreadable == ()
    asked_for(home)
    await home.after(5)
    assert asked_for(home) == [sorted(MINE)]


async def test_after_an_hour_it_is_tried_once_an_hour(home: House) -> None:
    home.reddit.missing = {"gone"}
    watch = await home.watch("rust", subreddits=MINE)
    await home.after(0)
    await home.after(90)
    asked_for(home)
    for _ in range(36):
        await home.after(5)
    assert asked_for(home).count(["gone"]) == 3
    home.reddit.missing = set()
    home.reddit.add(1, "rust", home.clock.now() + 1, "gone")
    await home.after(60)
    assert await home.found(watch) == ["p1"]


async def test_what_is_not_listed_any_more_when_it_comes_back_is_a_gap(home: House) -> None:
    watch = await home.watch("rust", subreddits=MINE)
    await home.after(0)
    home.reddit.missing = {"gone"}
    await home.after(5)
    for number in range(1200):
        home.reddit.add(number, "noise", NOW + 1 + number // 10, "gone")
    home.reddit.missing = set()
    await home.after(5)
    gap = (await home.watches.get("ada", watch.watch_id)).gap
    assert gap is not None
    assert (gap.from_utc, gap.to_utc) == (NOW, NOW + 1 + 200 // 10)


async def test_a_check_that_is_put_off_remembers_it(home: House) -> None:
    home.reddit.missing = {"gone"}
    watch = await home.watch("rust", subreddits=MINE)
    await home.after(0)
    home.reddit.failure = lambda _query: RateLimited("spent")
    await home.after(5)
    assert (await home.watches.get("ada", watch.watch_id)).unreadable == ("gone",)


async def test_one_whose_level_cannot_be_measured_keeps_no_other_from_it(home: House) -> None:
    watch = await home.watch("rust", subreddits=(), alert_threshold="high_engagement")
    home.reddit.missing = {"private"}
    home.reddit.add(1, "rust", NOW - 2, "private", score=900)
    home.reddit.add(2, "rust", NOW - 1, "python", score=900)
    await home.after(0)
    assert await home.found(watch) == ["p2"]
    assert asked_for(home) == [["private"], ["python"]]
    await home.after(5)
    assert asked_for(home) == []  # known for some hours
