"""Names and ids as people write them, and what must never become a piece of a path."""

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reddit_mcp.upstream.reddit_api import identifiers

COMMUNITIES = {
    "python": "python",
    "python/": "python",
    "Python": "Python",
    "r/Python": "Python",
    "/r/python/": "python",
    "R/python": "python",
    " r/python ": "python",
    "https://www.reddit.com/r/python": "python",
    "https://www.reddit.com/r/python/": "python",
    "https://old.reddit.com/r/python/top/?t=week": "python",
    "http://m.reddit.com/r/python#about": "python",
    "https://new.reddit.com/r/python/comments/1abc2d/a_title/": "python",
    "www.reddit.com/r/python": "python",
    "old.reddit.com/r/python": "python",
    "new.reddit.com/r/python": "python",
    "np.reddit.com/r/python": "python",
    "reddit.com/r/python": "python",
    "HTTPS://WWW.REDDIT.COM/r/python": "python",
    "https://reddit.com:443/r/python": "python",
    "r/python/comments/1abc2d/a_title": "python",
    "u_spez": "u_spez",
    "r/u_spez": "u_spez",
    "u/spez": "u_spez",
    "https://www.reddit.com/user/spez": "u_spez",
    "u_abcdefghijklmnopqrstu": "u_abcdefghijklmnopqrstu",
    "abcdefghijklmnopqrstu": "abcdefghijklmnopqrstu",
    "aa": "aa",
    "1a": "1a",
}
USERS = {
    "spez": "spez",
    "u/spez": "spez",
    "/u/spez/": "spez",
    "U/spez": "spez",
    "user/spez": "spez",
    "/user/spez/comments": "spez",
    "@spez": "spez",
    "https://www.reddit.com/user/spez": "spez",
    "https://www.reddit.com/user/spez/submitted/?sort=top": "spez",
    "https://old.reddit.com/u/spez": "spez",
    "reddit.com/u/spez": "spez",
    "_-_": "_-_",
    "a": "a",
}
POSTS = {
    "1abc2d": ("1abc2d", ""),
    "1ABC2D": ("1abc2d", ""),
    "t3_1abc2d": ("1abc2d", ""),
    "T3_1abc2d": ("1abc2d", ""),
    "/comments/1abc2d": ("1abc2d", ""),
    "https://redd.it/1abc2d": ("1abc2d", ""),
    "redd.it/1abc2d": ("1abc2d", ""),
    "https://www.reddit.com/comments/1abc2d": ("1abc2d", ""),
    "https://www.reddit.com/comments/t3_1abc2d/": ("1abc2d", ""),
    "https://www.reddit.com/r/python/comments/1abc2d/a_title/": ("1abc2d", ""),
    "https://www.reddit.com/r/python/comments/1abc2d/a_title/k3xyz9/?context=3": ("1abc2d", "k3xyz9"),
    "https://www.reddit.com/r/python/comments/1abc2d/comment/k3xyz9/": ("1abc2d", "k3xyz9"),
    "https://www.reddit.com/user/spez/comments/1abc2d/a_title/": ("1abc2d", ""),
    "https://old.reddit.com/r/comments/comments/1abc2d/a_title/": ("1abc2d", ""),
    "old.reddit.com/r/python/comments/1abc2d": ("1abc2d", ""),
    "r/python/comments/1abc2d/a_title/k3xyz9": ("1abc2d", "k3xyz9"),
    "https://www.reddit.com/gallery/1abc2d": ("1abc2d", ""),
    "https://www.reddit.com/poll/1abc2d": ("1abc2d", ""),
    "https://www.reddit.com/tb/1abc2d": ("1abc2d", ""),
    "https://www.reddit.com/r/python/duplicates/1abc2d/a_title/": ("1abc2d", ""),
    "https://www.reddit.com/duplicates/1abc2d": ("1abc2d", ""),
    "https://www.reddit.com/link/1abc2d/video/x7y8z9/player": ("1abc2d", ""),
    "https://www.reddit.com/r/python/comments/1abc2d.json": ("1abc2d", ""),
    "https://www.reddit.com/r/python/comments/1abc2d/.json?limit=5": ("1abc2d", ""),
    "https://www.reddit.com/r/python/comments/1abc2d/a_title.json": ("1abc2d", ""),
    "https://www.reddit.com/r/python/comments/1abc2d/a_title/.rss": ("1abc2d", ""),
    "https://www.reddit.com/r/python/comments/1abc2d/a_title/k3xyz9.json": ("1abc2d", "k3xyz9"),
    "https://www.reddit.com/r/python/comments/1ABC2D/A_Title/K3XYZ9/": ("1abc2d", "k3xyz9"),
    "https://www.reddit.com/r/python/comments/1abc2d/comment/t1_k3xyz9": ("1abc2d", "k3xyz9"),
    "https://www.reddit.com/r/python/comments/1abc2d/%C3%BCber_uns/?share_id=x&utm_source=y#z": ("1abc2d", ""),
    "https://www.reddit.com/r/u_spez/comments/1abc2d/a_title/": ("1abc2d", ""),
    "https://www.reddit.com/u/spez/comments/1abc2d": ("1abc2d", ""),
    "https://www.reddit.com/by_id/t3_1abc2d": ("1abc2d", ""),
    "https://de.reddit.com/r/python/comments/1abc2d": ("1abc2d", ""),
    "https://i.reddit.com/r/python/comments/1abc2d.compact": ("1abc2d", ""),
    "<https://redd.it/1abc2d>": ("1abc2d", ""),
    "(https://www.reddit.com/r/python/comments/1abc2d/a_title/).": ("1abc2d", ""),
    "hot": ("hot", ""),
    "media": ("media", ""),
}
CONTEXTS = {
    "https://www.reddit.com/r/python/comments/1abc2d/x/k3xyz9/?context=3": 3,
    "https://www.reddit.com/r/python/comments/1abc2d/x/k3xyz9/?context=10000": 0,
    "https://www.reddit.com/r/python/comments/1abc2d/x/k3xyz9/?context=99": 8,
    "https://www.reddit.com/r/python/comments/1abc2d/x/k3xyz9/?context=-1": 0,
    "https://www.reddit.com/r/python/comments/1abc2d/x/k3xyz9/": 0,
    "1abc2d": 0,
}
SHARES = {
    "https://www.reddit.com/r/python/s/AbCdEf12": "/r/python/s/AbCdEf12",
    "reddit.com/r/python/s/AbCdEf12?x=1": "/r/python/s/AbCdEf12",
    "/r/python/s/AbCdEf12/": "/r/python/s/AbCdEf12",
    "https://www.reddit.com/u/spez/s/AbCdEf12": "/u/spez/s/AbCdEf12",
    "https://www.reddit.com/r/python/comments/1abc2d": None,
    "1abc2d": None,
    "https://www.reddit.com/r/python/s/../../api": None,
}
NO_THINGS = [
    "https://www.reddit.com/media?url=https%3A%2F%2Fi.redd.it%2Fabc.png",
    "https://www.reddit.com/hot/",
    "https://www.reddit.com/best",
    "https://www.reddit.com/settings/",
    "https://www.reddit.com/1abc2d",
    "https://www.reddit.com/search?q=1abc2d",
    "https://www.reddit.com/video/1abc2d",
    "https://www.reddit.com/user/spez/m/teas",
    "https://www.reddit.com/me/m/teas",
    "https://v.redd.it/1abc2d",
    "https://i.redd.it/1abc2d.png",
    "https://preview.redd.it/1abc2d.png?width=640",
    "https://out.reddit.com/t3_1abc2d?url=x",
    "https://chat.reddit.com/r/python",
    "https://www.reddit.com/",
    "reddit.com",
]
COMMENTS = {
    "k3xyz9": "k3xyz9",
    "t1_K3xyz9": "k3xyz9",
    "https://www.reddit.com/r/python/comments/1abc2d/a_title/k3xyz9/": "k3xyz9",
    "https://www.reddit.com/r/python/comments/1abc2d/comment/k3xyz9/?context=3": "k3xyz9",
    "/comments/1abc2d/_/k3xyz9": "k3xyz9",
}

HOSTILE = [
    "",
    " ",
    "/",
    "../api/v1/me",
    "..",
    "/../../api/v1/me",
    "python/about/moderators",
    "python?x=",
    "python#x",
    "python%2fabout",
    "%2e%2e",
    "%2e%2e%2fapi",
    "a b",
    "py\nthon",
    "python\nx",
    "pythoñ",
    "рython",  # a Cyrillic letter
    "ｐｙｔｈｏｎ",
    "python．com",
    "pyt\u200bhon",
    "\u0665\u0666\u0667",  # Arabic digits
    "python;x",
    "python\\about",
    "https://evil.example/r/python",
    "https://reddit.com.evil.example/r/python",
    "https://notreddit.com/r/python",
    "https://evil.example/?https://reddit.com/r/python",
    "https://www.reddit.com@evil.example/r/python",
    "https://www.reddit.com\\@evil.example/r/python",
    "www.evil.example/r/python",
    "reddit.com.evil.example/r/python",
    "redd.it.evil.example/1abc2d",
    "https://[/r/python",
    "https://[::1/1abc2d",
    "https://ｒeddit℀.com/r/python",
    "javascript://reddit.com",
    "://",
    "https://",
    "x" * 300,
]


@pytest.mark.parametrize(("text", "name"), COMMUNITIES.items())
def test_communities(text: str, name: str) -> None:
    assert identifiers.community(text) == identifiers.communities(text) == name


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("a1+b2", "a1+b2"),
        ("r/python+r/rust", "python+rust"),
        ("all", "all"),
        ("https://reddit.com/r/python+rust", "python+rust"),
        ("https://reddit.com/r/python+rust/top/?t=week", "python+rust"),
        ("https://reddit.com/r/python+https://reddit.com/r/rust", "python+rust"),
        ("python,rust", "python+rust"),
        ("r/python, r/rust", "python+rust"),
        ("python + rust", "python+rust"),
    ],
)
def test_joined_communities(text: str, joined: str) -> None:
    assert identifiers.communities(text) == joined


@pytest.mark.parametrize(("text", "name"), USERS.items())
def test_users(text: str, name: str) -> None:
    assert identifiers.user(text) == name


@pytest.mark.parametrize(("text", "ids"), POSTS.items())
def test_posts(text: str, ids: tuple[str, str]) -> None:
    assert identifiers.post(text) == ids


@pytest.mark.parametrize(("text", "identity"), COMMENTS.items())
def test_comments(text: str, identity: str) -> None:
    assert identifiers.comment(text) == identity


@pytest.mark.parametrize(
    "parse", [identifiers.community, identifiers.communities, identifiers.user, identifiers.post, identifiers.comment]
)
@pytest.mark.parametrize("text", HOSTILE)
def test_refused_everywhere(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match=r"^(must be|is not an address)"):
        parse(text)


@pytest.mark.parametrize(
    "parse", [identifiers.community, identifiers.communities, identifiers.user, identifiers.post, identifiers.comment]
)
@pytest.mark.parametrize("text", NO_THINGS)
def test_pages_and_files_are_no_things(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse(text)


@pytest.mark.parametrize(("text", "context"), CONTEXTS.items())
def test_contexts(text: str, context: int) -> None:
    assert identifiers.thread(text).context == context


@pytest.mark.parametrize(("text", "path"), SHARES.items())
def test_share_links(text: str, path: str | None) -> None:
    assert identifiers.share(text) == path
    if path:
        with pytest.raises(ValueError, match="share link leads to"):
            identifiers.thread(text)


@pytest.mark.parametrize("text", ["a", "_python", "abcdefghijklmnopqrstuv", "u_" + "x" * 22, "py-thon", "r/", "+"])
def test_no_community(text: str) -> None:
    with pytest.raises(ValueError, match="must be 2 to 21"):
        identifiers.community(text)


@pytest.mark.parametrize("text", ["python+", "+python", "python++rust", "python+../x", "python+_x"])
def test_no_joined_communities(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(must be|is not)"):
        identifiers.communities(text)


@pytest.mark.parametrize("text", ["x" * 21, "[deleted]", "u/@spez", "a.b", "@"])
def test_no_user(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(must be|is not)"):
        identifiers.user(text)


@pytest.mark.parametrize(
    "text",
    [
        "t1_1abc2d",
        "1abc2d/x",
        "r/python",
        "https://www.reddit.com/r/python/",
        "https://www.reddit.com/r/python/top",
        "https://www.reddit.com/user/spez",
        "https://www.reddit.com/r/python/comments/",
        "https://www.reddit.com/comments/1abc2d/_/../x",
        "x" * 14,
    ],
)
def test_no_post(text: str) -> None:
    with pytest.raises(ValueError, match="must be a post id"):
        identifiers.post(text)


@pytest.mark.parametrize(
    "text", ["t3_k3xyz9", "https://redd.it/", "https://www.reddit.com/comments/1abc2d/a_title", "r/python", "x" * 14]
)
def test_no_comment(text: str) -> None:
    with pytest.raises(ValueError, match="must be a comment id"):
        identifiers.comment(text)


PLAIN = {
    identifiers.community: r"[A-Za-z0-9_-]{2,23}",
    identifiers.communities: r"[A-Za-z0-9_+-]{2,300}",
    identifiers.user: r"[A-Za-z0-9_-]{1,20}",
    identifiers.comment: r"[a-z0-9]{1,13}",
}
attempts = st.text(max_size=30) | st.text(alphabet="abzABZ019_-+/.:%@#?tr3", max_size=30)
prefixes = st.sampled_from(["", "r/", "/u/", "t3_", "t1_", "https://www.reddit.com/r/", "https://redd.it/", "../"])


@given(st.tuples(prefixes, attempts).map("".join))
def test_whatever_is_accepted_is_plain(text: str) -> None:
    for parse, pattern in PLAIN.items():
        try:
            name = parse(text)
        except ValueError:
            continue
        assert re.fullmatch(pattern, name, re.ASCII)
        assert quote(name, safe="+") == name


@given(st.tuples(prefixes, attempts).map("".join))
def test_whatever_is_accepted_as_a_post_is_plain(text: str) -> None:
    try:
        post, comment = identifiers.post(text)
    except ValueError:
        return
    assert re.fullmatch(r"[a-z0-9]{1,13}", post)
    assert re.fullmatch(r"[a-z0-9]{0,13}", comment)
