from fakeredis import FakeServer

from reddit_mcp.models import Gap
from reddit_mcp.storage.watches.match_store import MOST_MATCHES
from reddit_mcp.upstream.source import Priority
from tests.support.polling_setup import home as home  # noqa: PLC0414 - fixtures
from tests.support.polling_setup import server as server  # noqa: PLC0414
from tests.support.polling_setup import told as told  # noqa: PLC0414
from tests.support.redis_store import PREFIX
from tests.support.watches import NOW, House, Told


async def test_a_new_watch_is_checked_against_the_newest_posts(home: House, told: Told) -> None:
    home.reddit.add(1, "Rust or Python", NOW - 86_400)
    home.reddit.add(2, "nothing", NOW - 60)
    watch = await home.watch("rust")
    await home.after(0)
    assert await home.found(watch) == ["p1"]
    (match,) = told.matches
    assert match.match_id == f"{watch.watch_id}-p1"
    assert (match.keyword, match.why, match.matched_utc) == ("rust", 'it mentions "rust"', NOW)
    assert match.post["title"] == "Rust or Python"
    now = await home.watches.get("ada", watch.watch_id)
    assert (now.matches, now.last_checked_utc, now.next_check_utc) == (1, NOW, NOW + 300)


async def test_only_what_is_new_is_found_later_and_once(home: House, told: Told) -> None:
    watch = await home.watch("rust")
    await home.after(0)
    for minute in range(1, 30):
        home.reddit.add(minute, "rust", home.clock.now() + 30)
        await home.after(1)
        if minute == 3:
            assert await home.found(watch) == []  # its time has not come
    assert sorted(await home.found(watch)) == sorted(f"p{number}" for number in range(1, 26))
    assert len(told.matches) == len({match.match_id for match in told.matches}) == 25


async def test_a_post_that_appears_late_is_found(home: House) -> None:
    watch = await home.watch("rust")
    await home.after(0)
    home.reddit.add(1, "rust", NOW - 90)
    await home.after(5)
    assert await home.found(watch) == ["p1"]


async def test_watches_of_the_same_communities_share_one_request(home: House) -> None:
    for number in range(20):
        await home.watch(f"word{number}", owner=f"owner{number % 3}", subreddits=("Python", "rust"))
    await home.watch("other", subreddits=("golang",))
    await home.after(0)
    (path,) = home.reddit.paths
    assert sorted(path.split("/")[2].split("+")) == ["golang", "python", "rust"]
    assert [query.priority for query in home.reddit.queries] == [Priority.NORMAL]
    assert home.reddit.queries[0].fresh
    await home.after(5)
    assert len(home.reddit.paths) == 2


async def test_a_new_watch_does_not_move_the_others(home: House) -> None:
    first = await home.watch("rust", subreddits=("python",))
    await home.after(0)
    home.reddit.add(1, "rust", NOW + 60, "python")
    home.reddit.add(2, "rust", NOW + 60, "golang")
    home.clock.time += 120
    second = await home.watch("rust", subreddits=("python", "golang"))
    await home.after(0)
    assert (await home.found(first), set(await home.found(second))) == ([], {"p1", "p2"})
    await home.after(3)
    assert await home.found(first) == ["p1"]
    assert len(await home.found(second)) == 2


async def test_pages_are_read_until_the_last_check(home: House) -> None:
    watch = await home.watch("rust")
    await home.after(0)
    home.reddit.add("first", "rust", NOW + 1)
    for number in range(450):
        home.reddit.add(number, "noise", NOW + 2 + number // 2)
    await home.after(5)
    assert await home.found(watch) == ["pfirst"]
    assert len(home.reddit.paths) == 1 + 5
    assert (await home.watches.get("ada", watch.watch_id)).gap is None


async def test_what_reddit_does_not_list_any_more_is_a_gap(home: House) -> None:
    watch = await home.watch("rust")
    await home.after(0)
    home.reddit.add("lost", "rust", NOW + 1)
    for number in range(1200):
        home.reddit.add(number, "noise", NOW + 2 + number // 5)
    await home.after(5)
    assert await home.found(watch) == []
    assert (await home.watches.get("ada", watch.watch_id)).gap == Gap(from_utc=NOW, to_utc=NOW + 2 + 200 // 5)
    await home.after(5)
    assert (await home.watches.get("ada", watch.watch_id)).gap is not None  # it stays known


async def test_a_busy_community_hides_no_quiet_one(home: House) -> None:
    watch = await home.watch("rust", subreddits=("busy", "quiet", "third"))
    await home.after(0)
    home.reddit.add("quiet", "rust", NOW + 1, "quiet")
    for number in range(1200):
        home.reddit.add(number, "noise", NOW + 2 + number // 5, "busy")
    await home.after(5)
    assert await home.found(watch) == ["pquiet"]


async def test_a_community_that_cannot_be_read_takes_no_other_with_it(home: House) -> None:
    home.reddit.missing = {"gone"}
    home.reddit.add(1, "rust", NOW, "python")
    home.reddit.add(2, "rust", NOW, "golang")
    watch = await home.watch("rust", subreddits=("golang", "gone", "python"))
    await home.after(0)
    assert set(await home.found(watch)) == {"p1", "p2"}


async def test_long_lists_of_communities_are_cut_into_paths(home: House) -> None:
    for number in range(10):
        names = tuple(f"community_{number:02}_{letter}_long" for letter in "abcdefghij")
        await home.watch("rust", subreddits=names)
    await home.after(0)
    assert 1 < len(home.reddit.paths) <= 3
    assert all(len(path) <= 1_520 for path in home.reddit.paths)
    assert len({name for path in home.reddit.paths for name in path.split("/")[2].split("+")}) == 100


async def test_all_of_reddit_is_searched(home: House) -> None:
    home.reddit.add(1, "learning rust", NOW, "golang")
    home.reddit.add(2, "trust me", NOW, "golang")
    one = await home.watch("rust", 'go "now"', subreddits=())
    other = await home.watch("learning", subreddits=("all",))
    await home.after(0)
    (query,) = home.reddit.queries
    assert sorted(dict(query.params)["q"].split(" OR ")) == ['"go now"', '"learning"', '"rust"']
    assert (dict(query.params)["sort"], query.path) == ("new", "/r/all/search")
    assert (await home.found(one), await home.found(other)) == (["p1"], ["p1"])


async def test_many_keywords_are_several_searches(home: House) -> None:
    for number in range(12):
        await home.watch(*(f"keyword {number} {letter * 20}" for letter in "abcde"), subreddits=())
    await home.after(0)
    asked = [dict(query.params)["q"] for query in home.reddit.queries]
    assert len(asked) > 1
    assert all(len(text) <= 500 for text in asked)
    assert sum(text.count('"') for text in asked) == 2 * 60


async def test_the_window_of_a_search_covers_the_time_since_the_last_check(home: House) -> None:
    await home.watch("rust", subreddits=())
    windows = []
    for minutes in (0, 5, 600, 3 * 1440, 30 * 1440):
        await home.after(minutes)
        windows.append([dict(query.params)["t"] for query in home.reddit.queries])
        home.reddit.queries.clear()
    assert windows == [["week"], ["hour"], ["day"], ["week"], ["all"]]


async def test_crossposts_of_one_post_are_one_match(home: House, told: Told) -> None:
    watch = await home.watch("rust", subreddits=())
    home.reddit.add(1, "rust", NOW, "golang")
    home.reddit.add(2, "rust", NOW + 1, "python", crosspost_parent="p1")
    await home.after(0)
    home.reddit.add(3, "rust", NOW + 60, "programming", crosspost_parent="p1")
    await home.after(5)
    assert len(await home.found(watch)) == len(told.matches) == 1


async def test_matches_are_paged_and_the_oldest_make_room(home: House) -> None:
    watch = await home.watch("rust")
    await home.after(0)
    for number in range(MOST_MATCHES + 30):
        home.reddit.add(number, "rust", home.clock.now() + 1)
        if number % 200 == 199:
            await home.after(5)
    await home.after(5)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await home.watches.matches("ada", watch.watch_id, after, 300)
        seen += [match.match_id for match in page.matches]
        after = page.after
    assert len(seen) == len(set(seen)) == MOST_MATCHES
    assert (await home.watches.get("ada", watch.watch_id)).matches == MOST_MATCHES + 30
    assert (await home.watches.matches("ada", watch.watch_id, "unknown")).matches == ()


async def test_matches_are_kept_thirty_days(home: House) -> None:
    watch = await home.watch("rust", check_interval=1440)
    home.reddit.add(1, "rust", NOW)
    await home.after(0)
    await home.after(29 * 1440)
    assert await home.found(watch) == ["p1"]
    await home.after(2 * 1440)
    assert await home.found(watch) == []


async def test_resuming_an_active_watch_changes_nothing(home: House) -> None:
    watch = await home.watch("rust")
    await home.after(0)
    before = await home.watches.get("ada", watch.watch_id)
    assert await home.watches.set_status("ada", watch.watch_id, "active") == before
    assert await home.polls.next_due() == NOW + 300


async def test_a_paused_watch_finds_nothing_and_starts_anew(home: House, told: Told) -> None:
    watch = await home.watch("rust")
    await home.after(0)
    paused = await home.watches.set_status("ada", watch.watch_id, "paused")
    assert paused.next_check_utc is None
    home.reddit.add(1, "rust", NOW + 60)
    home.reddit.queries.clear()
    await home.after(10)
    assert (home.reddit.queries, told.matches) == ([], [])
    await home.watches.set_status("ada", watch.watch_id, "active")
    await home.after(0)
    assert await home.found(watch) == ["p1"]


async def test_a_deleted_watch_leaves_nothing(home: House, server: FakeServer) -> None:
    watch = await home.watch("rust", alert_threshold="high_engagement")
    home.reddit.add(1, "rust", NOW, score=9)
    home.reddit.add(2, "rust too", NOW - 5)
    await home.after(0)
    await home.watches.delete("ada", watch.watch_id)
    async with home.store.visit() as redis:
        keys = [key.decode() async for key in redis.scan_iter(match=f"{PREFIX}*")]
    assert [key for key in keys if "job" not in key and "baseline" not in key] == []


async def test_in_an_archive_now_is_its_newest_moment(home: House) -> None:
    home.reddit.archive = (1_600_000_000, 1_600_100_000)
    home.reddit.add(1, "rust", 1_600_099_000)
    watch = await home.watch("rust")
    await home.after(0)
    await home.after(5)
    assert await home.found(watch) == ["p1"]
    home.reddit.archive = (1_600_000_000, 1_600_200_000)  # more was imported
    for number in range(2, 350):
        home.reddit.add(number, "rust", 1_600_100_000 + number)
    await home.after(5)
    assert len(await home.found(watch)) == 349
