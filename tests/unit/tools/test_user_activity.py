"""What an account does, counted."""

from reddit_mcp.models import Comment, Post
from reddit_mcp.tools.results.user_activity import activity

MIDNIGHT = 1_699_920_000


def test_counts_by_community_and_hour() -> None:
    items: list[Post | Comment] = [
        Post(id="a", subreddit="pots", created_utc=MIDNIGHT, score=10),
        Post(id="b", subreddit="kettles", created_utc=MIDNIGHT + 3_599, score=1),
        Comment(id="c", subreddit="kettles", created_utc=MIDNIGHT + 3_600, score=None),
        Comment(id="d", subreddit="kettles", created_utc=MIDNIGHT - 1, score=4),
        Comment(id="e", subreddit="", created_utc=None, score=3),
    ]
    found = activity(items, complete=False)
    hours = found.pop("hours_utc")
    assert found == {
        "posts": 2,
        "comments": 3,
        "communities": [
            {"name": "kettles", "posts": 1, "comments": 2},
            {"name": "pots", "posts": 1, "comments": 0},
        ],
        "first_seen_utc": MIDNIGHT - 1,
        "last_seen_utc": MIDNIGHT + 3_600,
        "median_score": 3.5,
        "complete": False,
    }
    assert (len(hours), hours[0], hours[1], hours[23], sum(hours)) == (24, 2, 1, 1, 4)


def test_ten_communities_and_nothing_at_all() -> None:
    items = [Post(id=f"{at}", subreddit=f"s{at:02d}", score=at) for at in range(15) for _ in range(at + 1)]
    found = activity(items, complete=True)
    assert [each["name"] for each in found["communities"]] == [f"s{at:02d}" for at in range(14, 4, -1)]
    nothing = activity([], complete=True)
    assert (nothing["posts"], nothing["communities"], nothing["median_score"]) == (0, [], None)
    assert (nothing["first_seen_utc"], nothing["last_seen_utc"]) == (None, None)
