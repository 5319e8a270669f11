"""What a post or a comment has beside its text: shown where Reddit says it, absent where it does not."""

from typing import Any

import pytest

from reddit_mcp.models import Original, Picture, Poll, PollOption
from reddit_mcp.tools.results import compact_view
from reddit_mcp.upstream.reddit_api.parsing import comment, listing, post
from tests.support.reddit_shapes import listing as page
from tests.support.reddit_shapes import t1, t3

FILM = {"reddit_video": {"fallback_url": "https://v.redd.it/x1/DASH_720.mp4?source=fallback"}}
GALLERY = {
    "gallery_data": {"items": [{"media_id": "a", "caption": "green"}, {"media_id": "b"}, {"media_id": "gone"}]},
    "media_metadata": {
        "a": {"status": "valid", "s": {"u": "https://preview.redd.it/a.jpg?width=640&amp;s=1"}},
        "b": {"status": "valid", "s": {"gif": "https://i.redd.it/b.gif"}},
        "c": {"status": "failed"},
    },
}


def a_post(**fields: Any) -> Any:
    return post(t3(**fields)["data"])


def a_comment(**fields: Any) -> Any:
    return comment(t1(**fields)["data"])


def test_a_gallery() -> None:
    assert a_post(**GALLERY).gallery == (
        Picture(url="https://preview.redd.it/a.jpg?width=640&s=1", caption="green"),
        Picture(url="https://i.redd.it/b.gif"),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"is_gallery": True, "gallery_data": None, "media_metadata": None},
        {"gallery_data": {"items": [{"media_id": "a"}]}, "media_metadata": {"a": {"status": "unprocessed"}}},
        {"gallery_data": {"items": "odd"}, "media_metadata": []},
        {"gallery_data": {"items": [5, None, {}]}, "media_metadata": {"a": 5}},
    ],
)
def test_a_gallery_without_pictures_shows_none(fields: dict[str, Any]) -> None:
    assert a_post(**fields).gallery == ()
    assert "gallery" not in compact_view.full_post(a_post(**fields))


def test_a_poll() -> None:
    options = [{"text": "clay", "vote_count": 300}, {"text": "iron"}]
    found = a_post(poll_data={"options": options, "total_vote_count": 412, "voting_end_timestamp": 1_700_100_000_000})
    assert found.poll == Poll(
        options=(PollOption(text="clay", votes=300), PollOption(text="iron")), total_votes=412, ends_utc=1_700_100_000
    )
    assert compact_view.concise_post(found)["poll"]["options"][1] == {"text": "iron"}


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"media": FILM}, "https://v.redd.it/x1/DASH_720.mp4"),
        ({"secure_media": FILM}, "https://v.redd.it/x1/DASH_720.mp4"),
        (
            {"crosspost_parent": "t3_o1", "crosspost_parent_list": [{"media": FILM}]},
            "https://v.redd.it/x1/DASH_720.mp4",
        ),
        ({"media": {"type": "youtube.com"}}, None),
        ({"media": "odd"}, None),
    ],
)
def test_a_film(fields: dict[str, Any], url: str | None) -> None:
    assert a_post(**fields).video_url == url


@pytest.mark.parametrize(
    ("fields", "original"),
    [
        ({}, None),
        ({"crosspost_parent": "t3_o1"}, Original(id="o1")),
        (
            {
                "crosspost_parent_list": [
                    {"id": "o1", "subreddit": "tea", "title": "T", "permalink": "/r/tea/comments/o1/"}
                ]
            },
            Original(id="o1", subreddit="tea", title="T", permalink="https://www.reddit.com/r/tea/comments/o1/"),
        ),
        ({"crosspost_parent": "t3_o1", "crosspost_parent_list": []}, Original(id="o1")),
    ],
)
def test_a_crosspost_names_its_original(fields: dict[str, Any], original: Original | None) -> None:
    assert a_post(**fields).crosspost_of == original


@pytest.mark.parametrize(
    ("fields", "who"),
    [
        ({}, None),
        ({"removed_by_category": "reddit"}, "reddit"),
        ({"removed_by_category": "anti_evil_ops"}, "reddit"),
        ({"removed_by_category": "moderator"}, "moderator"),
        ({"removed_by_category": "automod_filtered"}, "automoderator"),
        ({"removed_by_category": "deleted"}, "author"),
        ({"_meta": {"removal_type": "deleted"}}, "author"),
        ({"banned_by": "AutoModerator"}, "automoderator"),
        ({"banned_by": True}, "moderator"),
        ({"selftext": "[removed]"}, "moderator"),
        ({"selftext": "[deleted]"}, "author"),
        ({"selftext": "[ Removed by Reddit ]"}, "reddit"),
    ],
)
def test_who_removed_a_post(fields: dict[str, Any], who: str | None) -> None:
    found = a_post(**fields)
    assert found.removed == who
    assert ("removed" in compact_view.concise_post(found)) == (who is not None)


@pytest.mark.parametrize(
    ("edited", "moment"), [(False, None), (True, None), (1_700_000_000.0, 1_700_000_000), (None, None)]
)
def test_when_it_was_edited(edited: Any, moment: int | None) -> None:
    assert a_post(edited=edited).edited_utc == moment
    assert a_comment(edited=edited).edited_utc == moment


def test_hidden_scores_are_unknown() -> None:
    hidden = a_post(hide_score=True, score=1)
    assert (hidden.score, hidden.score_hidden) == (None, True)
    shown = compact_view.comment(a_comment(score_hidden=True, score=1), "concise")
    assert (shown["score"], shown["score_hidden"]) == (None, True)
    assert "score_hidden" not in compact_view.concise_post(a_post())


@pytest.mark.parametrize("name", ["locked", "archived", "contest_mode"])
@pytest.mark.parametrize("value", [True, False, None, "odd"])
def test_flags_are_shown_where_they_are_set(name: str, value: Any) -> None:
    assert (name in compact_view.concise_post(a_post(**{name: value}))) == (value is True)


@pytest.mark.parametrize("mark", ["promoted", "is_created_from_ads_ui"])
def test_advertisements_are_left_out(mark: str) -> None:
    found = listing(page(t3("a1"), t3("b2", **{mark: True}), t3("c3", promoted=False)))
    assert [item.id for item in found.items] == ["a1", "c3"]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("![gif](giphy|abc123)", "https://giphy.com/gifs/abc123"),
        ("![gif](giphy|abc123|downsized)", "https://giphy.com/gifs/abc123"),
        ("look: ![img](a) here", "look: https://preview.redd.it/a.jpg?width=640&s=1 here"),
        ("![img](unknown)", "![img](unknown)"),
        ("[words](https://a.example)", "[words](https://a.example)"),
    ],
)
def test_pictures_in_comments(body: str, shown: str) -> None:
    assert a_comment(body=body, media_metadata=GALLERY["media_metadata"]).body == shown


def test_twenty_five_posts_with_everything_stay_small() -> None:
    everything = {**GALLERY, "media": FILM, "title": "t" * 300, "selftext": "s" * 2_000, "locked": True}
    options = {"poll_data": {"options": [{"text": "o" * 200}] * 6}}
    shown = compact_view.posts([a_post(**everything, **options) for _ in range(25)], "concise")
    assert len(str(shown)) < 9_500
    assert all(item["truncated"] for item in shown)
