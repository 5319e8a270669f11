"""Where a redirect may be followed to."""

import pytest

from reddit_mcp.reddit import redirects

API = "https://oauth.reddit.com/r/kettles/hot?raw_json=1"
OWN = ("https://oauth.reddit.com", "https://www.reddit.com")


@pytest.mark.parametrize(
    ("location", "path", "query"),
    [
        ("/r/teapots/hot?limit=25", "/r/teapots/hot", {"limit": "25", "raw_json": 1}),
        ("https://www.reddit.com/r/teapots/", "/r/teapots/", {"raw_json": 1, "limit": 5}),
        ("https://old.reddit.com/user/ann/about", "/user/ann/about", {"raw_json": 1, "limit": 5}),
        ("https://oauth.reddit.com/comments/abc.json?raw_json=0", "/comments/abc.json", {"raw_json": "0", "limit": 5}),
    ],
)
@pytest.mark.parametrize("status", redirects.STATUSES)
def test_followed_by_path_alone(status: int, location: str, path: str, query: dict[str, object]) -> None:
    place = redirects.target(status, location, API, OWN)
    assert place is not None
    assert place.path == path
    assert place.params({"raw_json": 1, "limit": 5}) == {"raw_json": 1, "limit": 5} | query


@pytest.mark.parametrize(
    "location",
    [
        None,
        "",
        "https://evil.example/r/teapots/hot",
        "https://reddit.com.evil.example/r/teapots",
        "https://notreddit.com/r/teapots",
        "//evil.example/r/teapots",
        "https://www.reddit.com/login?dest=%2Fr%2Fteapots",
        "https://www.reddit.com/over18",
        "https://www.reddit.com/subreddits/search?q=x",
        "https://www.reddit.com/r/teapots/submit?url=x",
        "https://oauth.reddit.com/r/../api/v1/me",
        "https://oauth.reddit.com/r/tea pots",
        "https://oauth.reddit.com/api/v1/access_token",
        "file:///r/teapots",
        "http://[oh",
    ],
)
def test_not_followed(location: str | None) -> None:
    assert redirects.target(302, location, API, OWN) is None


def test_an_archive_s_redirect_stays_with_the_archive() -> None:
    own = ("http://127.0.0.1:8090", "http://127.0.0.1:8090")
    assert redirects.target(301, "/r/teapots/new", "http://127.0.0.1:8090/r/kettles/new", own)
    assert not redirects.target(301, "https://www.reddit.com/r/teapots", "http://127.0.0.1:8090/r/kettles/new", own)


@pytest.mark.parametrize("status", [200, 300, 304, 404, 500])
def test_other_statuses_lead_nowhere(status: int) -> None:
    assert redirects.target(status, "/r/teapots", API, OWN) is None
