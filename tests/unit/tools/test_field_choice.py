"""`fields`: what a caller names is sent, and nothing else."""

import orjson

from reddit_mcp.tools.results.field_choice import chosen
from tests.support.reddit_shapes import listing, t1, t3, thread
from tests.support.scripted_source import Json, Scripted, asked, titled
from tests.support.tools_in_process import server_over


def test_a_tree_keeps_its_replies() -> None:
    tree = [{"id": "a", "body": "x" * 400, "author": "m", "replies": [{"id": "b", "body": "y", "replies": []}]}]
    found = chosen({"comments": tree, "returned_comments": 2}, ["body"], shorten=True)
    assert found["returned_comments"] == 2
    (top,) = found["comments"]
    assert (len(top["body"]), top["truncated"], set(top)) == (300, True, {"body", "replies", "truncated"})
    assert top["replies"] == [{"body": "y"}]
    assert chosen({"comments": tree}, ["author"], shorten=False)["comments"][0]["author"] == "m"


def test_an_item_without_any_of_them_stays() -> None:
    answer = {"user": {"username": "m"}, "posts": [{"id": "a", "title": "t", "truncated": True}], "after": None}
    assert chosen(answer, ["title"], shorten=True) == {
        "user": {"username": "m"}, "posts": [{"title": "t", "truncated": True}], "after": None,
    }  # fmt: skip


async def test_any_field_may_be_named_and_texts_stay_concise() -> None:
    page = {"/r/tea/hot": titled("one", selftext="w" * 900, upvote_ratio=0.5)}
    answer = await asked(page, "get_subreddit_posts", subreddit="tea", fields=["id", "upvote_ratio", "selftext"])
    (post,) = answer["posts"]
    assert set(post) == {"id", "upvote_ratio", "selftext", "truncated"}
    assert (post["upvote_ratio"], len(post["selftext"])) == (0.5, 300)
    whole = await asked(page, "get_subreddit_posts", subreddit="tea", fields="selftext", detail="full")
    assert whole["posts"] == [{"selftext": "w" * 900}]


async def test_an_unknown_field_is_refused_by_its_nearest_name() -> None:
    answer = await asked({"/r/tea/hot": listing()}, "get_subreddit_posts", subreddit="tea", fields=["titel"])
    assert answer["error"]["type"] == "invalid_input"
    assert "did you mean title?" in str(answer["error"])


async def test_every_tool_that_reads_has_fields() -> None:
    tools = await server_over(Scripted({})).list_tools()
    having = {tool.name for tool in tools if "fields" in tool.input_schema["properties"]}
    assert having == {tool.name for tool in tools} - {"watch_keywords"}


async def test_no_answer_is_too_large_for_a_model() -> None:
    comments = [t1(f"c{at}", body="a word or two " * 60) for at in range(400)]
    replies = [t1(f"r{at}", parent_id="t1_c0", body="an answer " * 60) for at in range(500)]
    comments[0]["data"]["replies"] = listing(*replies)
    source: dict[str, Json] = {
        "/comments/p1": thread(t3("p1", num_comments=900), *comments),
        "/r/tea/hot": listing(*(t3(f"p{at}", selftext="a word or two " * 80) for at in range(100))),
    }
    answer = await asked(source, "get_post_comments", post_id="p1", limit=1000, detail="full")
    assert len(orjson.dumps(answer)) < 62_000
    assert answer["returned_comments"] + answer["collapsed_comments"] == 900
    assert "branches are cut" in answer["metadata"]["notice"]
    assert answer["summary"]["share_shown"] == min(round(answer["returned_comments"] / answer["total_comments"], 2), 1)
    posts = await asked(source, "get_subreddit_posts", subreddit="tea", limit=100, detail="full")
    assert len(posts["posts"]) == 100
    assert len(orjson.dumps(posts)) < 62_000
