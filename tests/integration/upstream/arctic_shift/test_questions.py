"""Each question of Reddit's answered by Arctic Shift, over real HTTP."""

import random
from typing import Any

import pytest

from reddit_mcp.errors import InvalidInput, NotFound, Unavailable
from reddit_mcp.models import Listing, Post, Rule
from reddit_mcp.upstream.source import Answer, Query
from tests.support.arctic_shift import HOUR, Bench
from tests.support.fake_arctic_shift import comment, community, post
from tests.support.fake_arctic_shift.things import DAY, NOW


def ids(answer: Answer[Listing]) -> list[str]:
    return [item.id for item in answer.value.items]


async def all_pages(ask: Any, most: int = 200) -> list[str]:
    """Every id of a listing, page by page; ends within a bound."""
    found: list[str] = []
    after = ""
    for _ in range(most):
        answer = await ask(after)
        found += ids(answer)
        after = answer.value.after or ""
        assert len(after) <= 100
        if not after:
            return found
    raise AssertionError("endless")


async def test_newest_posts_of_a_community_are_exact(arctic: Bench) -> None:
    answer = await arctic.reddit.posts("kettles", "new", "day", 5)
    assert ids(answer) == ["p00", "p02", "p04", "p06", "p08"]
    assert (answer.calls, answer.limits, answer.ttl) == (1, None, 120)
    (first, *_) = answer.value.items
    assert isinstance(first, Post)
    assert (first.author, first.permalink) == ("anna", "https://www.reddit.com/r/kettles/comments/p00/blue_kettle_0/")
    (asked,) = arctic.fake.asked
    assert asked.headers["user-agent"] == "server:test:1 (by /u/tester)"


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 25, 100])
async def test_pages_lose_and_repeat_nothing(empty: Bench, limit: int, inclusive: bool) -> None:
    fake = empty.fake
    fake.inclusive = inclusive
    for number in range(130):  # few things, then three, then very many in one second
        age = {0: number, 1: 1000 + number // 3}.get(number // 40, 2000)
        fake.posts.append(post(f"n{number}", age))
    found = await all_pages(lambda after: empty.reddit.posts("kettles", "new", "day", limit, after))
    assert sorted(found) == sorted(each["id"] for each in fake.posts)


@pytest.mark.parametrize("limit", [7, 100])
async def test_a_second_with_more_than_a_page(empty: Bench, limit: int) -> None:
    empty.fake.posts += [post(f"n{number}", 50) for number in range(150)] + [post("old", 60), post("new", 40)]
    found = await all_pages(lambda after: empty.reddit.posts("kettles", "new", "day", limit, after))
    assert sorted(found) == sorted(each["id"] for each in empty.fake.posts)
    assert (found[0], found[-1]) == ("new", "old")


async def test_several_communities_are_merged(arctic: Bench) -> None:
    answer = await arctic.reddit.posts("kettles+pots", "new", "day", 4)
    assert ids(answer) == ["p00", "p01", "p02", "p03"]
    assert (answer.calls, arctic.spent.count) == (2, 1)
    found = await all_pages(lambda after: arctic.reddit.posts("kettles+pots", "new", "day", 7, after))
    assert found == [each["id"] for each in arctic.fake.posts]


async def test_a_cursor_of_reddits_own_kind_is_looked_up(arctic: Bench) -> None:
    answer = await arctic.reddit.posts("kettles", "new", "day", 2, "t3_p04")
    assert ids(answer) == ["p06", "p08"]
    assert answer.calls == 2
    for nonsense in ("t3_zzz", "t5_x", "what"):
        with pytest.raises(InvalidInput):
            await arctic.reddit.posts("kettles", "new", "day", 2, nonsense)


@pytest.mark.parametrize("sort", ["hot", "rising"])
async def test_orders_it_does_not_have_are_the_newest_and_say_so(arctic: Bench, sort: Any) -> None:
    answer = await arctic.reddit.posts("kettles", sort, "day", 2)
    assert ids(answer) == ["p00", "p02"]
    assert answer.limits
    assert f"no {sort} order" in answer.limits


async def test_top_of_a_period_that_is_read_whole(arctic: Bench) -> None:
    answer = await arctic.reddit.posts("kettles", "top", "week", 3)
    scores = [item.score for item in answer.value.items]
    week = [each["score"] for each in arctic.fake.posts if each["subreddit"] == "kettles"
            and NOW - each["created_utc"] <= 7 * DAY]  # fmt: skip
    assert scores == sorted(week, reverse=True)[:3]
    assert answer.limits
    assert "36 hours" in answer.limits
    found = await all_pages(lambda after: arctic.reddit.posts("kettles", "top", "week", 3, after))
    assert len(found) == len(set(found)) == len(week)


async def test_top_of_more_than_is_read_is_a_sample(empty: Bench) -> None:
    empty.fake.posts += [post(f"n{number}", 5 * DAY + number, score=number) for number in range(400)]
    answer = await empty.reddit.posts("kettles", "top", "month", 1)
    assert ids(answer) == ["n297"]  # of the newest 100 + 99 + 99
    assert answer.limits
    assert "the 298 newest" in answer.limits
    assert (answer.calls, empty.spent.count) == (3, 2)
    assert "36 hours" not in answer.limits


async def test_controversial_by_reddits_measure(empty: Bench) -> None:
    empty.fake.posts += [
        post("loved", score=100, upvote_ratio=0.99),
        post("split", score=10, upvote_ratio=0.52),
        post("quiet", score=1, upvote_ratio=1.0),
    ]
    assert ids(await empty.reddit.posts("kettles", "controversial", "all", 3))[0] == "split"


@pytest.mark.parametrize("name", ["all", "popular"])
async def test_all_of_reddit_is_a_sample(arctic: Bench, name: str) -> None:
    answer = await arctic.reddit.posts(name, "new", "day", 2)
    assert ids(answer) == ["p00", "p01"]
    assert answer.limits
    assert "sample" in answer.limits


async def test_an_empty_community_and_none(arctic: Bench) -> None:
    arctic.fake.communities.append(community("silent"))
    answer = await arctic.reddit.posts("silent", "new", "day")
    assert (answer.value, answer.calls) == (Listing(), 2)
    with pytest.raises(NotFound, match="r/nowhere") as caught:
        await arctic.reddit.posts("nowhere", "new", "day")
    assert caught.value.calls == 2


async def test_search_within_a_community(arctic: Bench) -> None:
    answer = await arctic.reddit.search("blue kettle", "kettles", "new", "all", 3)
    assert ids(answer) == ["p00", "p04", "p08"]
    assert answer.limits is None
    found = await all_pages(lambda after: arctic.reddit.search("blue", "kettles", "new", "all", 3, after))
    assert found == [f"p{number:02d}" for number in range(0, 40, 4)]


async def test_search_orders(arctic: Bench) -> None:
    newest = await arctic.reddit.search("kettle", "kettles", "relevance", "all", 2)
    assert ids(newest) == ["p00", "p04"]
    assert newest.limits
    assert "not the most relevant" in newest.limits
    top = await arctic.reddit.search("kettle", "kettles", "top", "all", 10)
    scores = [item.score for item in top.value.items]
    assert scores == sorted(scores, key=lambda score: -(score or 0))
    many = await arctic.reddit.search("kettle", "kettles", "comments", "all", 10)
    counts = [item.num_comments for item in many.value.items if isinstance(item, Post)]
    assert counts == sorted(counts, key=lambda count: -(count or 0))


async def test_search_by_author_needs_no_community(arctic: Bench) -> None:
    assert len(ids(await arctic.reddit.search("blue author:anna", "all", "new", "week", 100))) == 4
    assert ids(await arctic.reddit.search("blue -kettle", "kettles", "new", "all")) == []
    assert len(ids(await arctic.reddit.search("subreddit:pots pot", "all", "new", "all", 100))) == 20


async def test_search_by_address(empty: Bench) -> None:
    empty.fake.posts += [
        post("a", 10, url="https://www.example.org/a"),
        post("b", 20, url="https://example.org/b"),
        post("c", 30, url="x"),
    ]
    answer = await empty.reddit.search("site:example.org", "all", "new", "all")
    assert ids(answer) == ["a", "b"]
    assert answer.limits
    assert "https://www.example.org" in answer.limits
    with pytest.raises(Unavailable, match="longer"):
        await empty.reddit.search("url:https://a.b", "all", "new", "all")


@pytest.mark.parametrize(
    ("query", "names", "instead"),
    [
        ("kettle", "all", "name a community"),
        ("blue OR red", "kettles", "each of the words by itself"),
        ("subreddit:pots x", "kettles", "one place"),
    ],
)
async def test_searches_that_are_not_offered_send_nothing(arctic: Bench, query: str, names: str, instead: str) -> None:
    with pytest.raises(Unavailable, match=instead) as caught:
        await arctic.reddit.search(query, names, "new", "all")
    assert caught.value.data["reason"] == "not_offered_by_source"
    assert arctic.fake.asked == []


async def test_a_very_active_community_is_searched_over_fewer_days(arctic: Bench) -> None:
    arctic.fake.active, arctic.fake.searchable = {"kettles"}, 8 * DAY
    answer = await arctic.reddit.search("blue", "kettles", "new", "all", 100)
    assert ids(answer) == ["p00", "p04", "p08", "p12"]
    assert answer.limits
    assert "newest 7 days" in answer.limits
    assert (answer.calls, arctic.spent.count) == (3, 2)
    assert answer.value.after  # the days before are asked for next


async def test_a_community_too_active_for_words_is_refused_for_good(arctic: Bench) -> None:
    arctic.fake.active = {"kettles"}
    with pytest.raises(Unavailable, match="sort new") as caught:
        await arctic.reddit.search("blue", "kettles", "new", "all")
    assert caught.value.data["reason"] == "not_offered_by_source"
    assert caught.value.calls == len(arctic.fake.asked) == 4
    assert ids(await arctic.reddit.posts("kettles", "new", "day", 1)) == ["p00"]


async def test_things_by_their_ids(arctic: Bench) -> None:
    answer = await arctic.reddit.info("t1_c2,t3_p01,t1_zz,t3_p00", "x")
    assert ids(answer) == ["c2", "p01", "p00"]
    assert answer.calls == 2


async def test_a_user_has_no_karma_here(arctic: Bench) -> None:
    answer = await arctic.reddit.user("anna")
    user = answer.value
    assert (user.username, user.link_karma, user.comment_karma, user.created_utc) == ("Anna", None, None, None)
    assert answer.limits
    assert "karma" in answer.limits
    with pytest.raises(NotFound, match="u/nobody"):
        await arctic.reddit.user("nobody")


async def test_a_history_is_merged_and_paged(arctic: Bench) -> None:
    arctic.fake.comments.append(comment("m1", "p10", age=18 * HOUR, author="anna"))
    assert ids(await arctic.reddit.history("anna", "overview", 3)) == ["p00", "m1", "p01"]
    found = await all_pages(lambda after: arctic.reddit.history("anna", "overview", 9, after))
    assert sorted(found) == sorted(["m1", "c3", *(each["id"] for each in arctic.fake.posts)])
    assert ids(await arctic.reddit.history("anna", "comments", 9)) == ["m1", "c3"]
    arctic.fake.users.append({"author": "bela", "id": None})
    assert ids(await arctic.reddit.history("bela", "submitted", 9)) == []
    with pytest.raises(NotFound):
        await arctic.reddit.history("nobody", "overview")


async def test_a_community_and_its_rules(arctic: Bench) -> None:
    about = (await arctic.reddit.subreddit("kettles")).value
    assert (about.name, about.subscribers, about.active_users) == ("kettles", 900, None)
    assert about.url == "https://www.reddit.com/r/kettles/"
    with pytest.raises(NotFound):
        await arctic.reddit.subreddit("nowhere")
    arctic.fake.rules["kettles"] = [
        {"short_name": "Second", "description": None, "kind": "all", "priority": 1},
        {"short_name": "First", "description": "Be kind.", "kind": "link", "priority": 0},
    ]
    rules = (await arctic.reddit.rules("kettles")).value.rules
    assert rules == (
        Rule(short_name="First", description="Be kind.", kind="link"), Rule(short_name="Second", kind="all"),
    )  # fmt: skip
    assert (await arctic.reddit.rules("pots")).value.rules == ()
    with pytest.raises(NotFound):
        await arctic.reddit.rules("nowhere")


async def test_completions(arctic: Bench) -> None:
    assert (await arctic.reddit.completions("kett")).value.names == ("kettles", "kettlebells")


async def test_missing_fields_and_escaped_text(empty: Bench) -> None:
    empty.fake.posts += [
        {"id": "bare", "created_utc": NOW - 5, "subreddit": "kettles", "author": None, "title": None},
        {"id": None, "created_utc": NOW - 6, "subreddit": "kettles"},
        post("esc", 7, title="Tea &amp; cake &lt;3"),
    ]
    bare, escaped = (await empty.reddit.posts("kettles", "new", "day")).value.items
    assert isinstance(bare, Post)
    assert isinstance(escaped, Post)
    assert (bare.author, bare.title, bare.score) == ("[deleted]", "", None)
    assert escaped.title == "Tea & cake <3"


@pytest.mark.parametrize("seed", range(12))
async def test_any_mixture_is_paged_exactly(empty: Bench, seed: int) -> None:
    dice, fake = random.Random(seed), empty.fake
    fake.inclusive = bool(seed % 2)
    for number in range(dice.randrange(60, 220)):
        place, words = dice.choice(["kettles", "pots"]), dice.choice(["tea", "tea cup"])
        age = dice.choice([dice.randrange(20), dice.randrange(4000)])
        fake.posts.append(post(f"n{number}", age, subreddit=place, title=words))
        fake.comments.append(comment(f"k{number}", f"n{number}", age=age, author="anna", subreddit=place))
    dice.shuffle(fake.posts)
    limit = dice.choice([1, 2, 9, 40, 100])
    history = await all_pages(lambda after: empty.reddit.history("anna", "overview", limit, after), 500)
    assert sorted(history) == sorted(each["id"] for each in (*fake.posts, *fake.comments))
    found = await all_pages(
        lambda after: empty.reddit.search("tea -cup", "kettles+pots", "new", "all", limit, after), 500
    )
    assert sorted(found) == sorted(each["id"] for each in fake.posts if each["title"] == "tea")


async def test_a_range_of_time_and_comments_as_a_query(arctic: Bench) -> None:
    day = (NOW - 5 * DAY, NOW - 4 * DAY)
    given = (("limit", "9"), ("since", str(day[0])), ("until", str(day[1])))
    posts = Query("listing", Listing, "community r/kettles", "/r/kettles/new", given)
    found = (await arctic.source.fetch(posts)).value.items
    assert [each.id for each in found] == [
        each["id"] for each in arctic.fake.posts
        if each["subreddit"] == "kettles" and day[0] <= each["created_utc"] < day[1]
    ]  # fmt: skip
    words = (("q", "body c2"), ("type", "comment"))
    comments = Query("search", Listing, "community r/kettles", "/r/kettles/search", words)
    assert [each.id for each in (await arctic.source.fetch(comments)).value.items] == ["c2"]


async def test_a_question_it_has_no_answer_to(arctic: Bench) -> None:
    with pytest.raises(Unavailable) as caught:
        await arctic.source.fetch(Query("listing", Listing, "x", "/r/kettles/about/moderators"))
    assert (caught.value.data["reason"], caught.value.calls) == ("not_offered_by_source", 0)
