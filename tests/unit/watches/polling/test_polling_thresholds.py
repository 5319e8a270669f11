"""Posts below the threshold of a watch: looked at again, given up, measured against their community."""

from reddit_mcp.errors import NotFound, Unavailable
from tests.support.polling_setup import home as home  # noqa: PLC0414 - fixtures
from tests.support.polling_setup import server as server  # noqa: PLC0414
from tests.support.polling_setup import told as told  # noqa: PLC0414
from tests.support.watches import NOW, House


async def test_a_post_that_gathers_votes_is_found_when_it_has_them(home: House) -> None:
    for number in range(100):
        home.reddit.add(number, "noise", NOW - 5000 + number, score=number, num_comments=0)
    watch = await home.watch("rust", alert_threshold="high_engagement")
    await home.after(0)
    post = home.reddit.add("r", "rust", NOW + 1, score=1)
    await home.after(5)
    assert await home.found(watch) == []
    home.reddit.change(post, score=89)
    for number in range(100, 250):
        home.reddit.add(number, "noise", NOW + 9)  # so that a page does not show it any more
    await home.after(5)
    assert await home.found(watch) == ["pr"]
    (match,) = (await home.watches.matches("ada", watch.watch_id)).matches
    assert match.why == (
        'it mentions "rust" and its score of 89 is at or above 89, the 90th percentile of r/python\'s last 100 posts'
    )
    assert home.reddit.paths.count("/api/info") == 1
    await home.after(60)
    assert home.reddit.paths.count("/api/info") == 1  # it is not looked at again


async def test_a_post_is_given_up_after_a_day(home: House) -> None:
    home.reddit.add("base", "noise", NOW - 99, score=50)
    watch = await home.watch("rust", alert_threshold="viral")
    post = home.reddit.add("r", "rust", NOW - 1)
    await home.after(0)
    for _ in range(24):
        await home.after(61)
    home.reddit.change(post, score=5000)
    home.reddit.queries.clear()
    await home.after(60)
    assert "/api/info" not in home.reddit.paths
    assert await home.found(watch) == []


async def test_a_baseline_that_cannot_be_had_waits(home: House) -> None:
    watch = await home.watch("rust", subreddits=(), alert_threshold="high_engagement")
    home.reddit.add(1, "rust", NOW - 1, score=900)
    home.reddit.failure = lambda query: Unavailable("down") if query.path.endswith("/new") else None
    await home.after(0)
    assert await home.found(watch) == []
    home.reddit.failure = lambda _query: None
    await home.after(5)
    assert await home.found(watch) == ["p1"]


async def test_candidates_that_cannot_be_read_wait(home: House) -> None:
    watch = await home.watch("rust", alert_threshold="high_engagement")
    post = home.reddit.add("r", "rust", NOW - 200)
    await home.after(0)
    home.reddit.change(post, score=900)
    for number in range(150):
        home.reddit.add(number, "noise", NOW - 150)  # so that a page does not show it any more
    home.reddit.failure = lambda query: NotFound("gone") if query.path == "/api/info" else None
    await home.after(5)
    assert await home.found(watch) == []
    home.reddit.failure = lambda _query: None
    await home.after(5)
    assert await home.found(watch) == ["pr"]


async def test_a_candidate_that_is_gone_is_not_asked_for_again(home: House) -> None:
    await home.watch("rust", alert_threshold="high_engagement")
    removed, edited = home.reddit.add("r", "rust", NOW - 200), home.reddit.add("e", "rust", NOW - 200)
    await home.after(0)
    for number in range(150):
        home.reddit.add(number, "noise", NOW - 150)
    home.reddit.posts.remove(removed)
    home.reddit.change(edited, title="[deleted]")
    await home.after(5)
    await home.after(5)
    assert home.reddit.paths.count("/api/info") == 1


async def test_no_more_than_a_few_communities_are_measured_in_one_poll(home: House) -> None:
    watch = await home.watch("rust", subreddits=(), alert_threshold="high_engagement")
    for number in range(15):
        home.reddit.add(number, "rust", NOW - 1, f"community{number}", score=900)
    await home.after(0)
    assert len(await home.found(watch)) == 10
    await home.after(5)
    assert len(await home.found(watch)) == 15
