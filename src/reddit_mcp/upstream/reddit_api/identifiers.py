"""Names and ids as people write them: `r/Python`, `/u/spez/`, full addresses, permalinks, redd.it links, `t3_` ids.

Only what is left after this may become a piece of a path; the rules are Reddit's own for names and ids. What each form
of an address means stands in `addresses`.
"""

import re
from typing import NamedTuple

from reddit_mcp.models import Comment, Post
from reddit_mcp.upstream.reddit_api import reddit_urls

COMMUNITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{1,20}|u_[A-Za-z0-9_-]{1,21}", re.ASCII)
USER = re.compile(r"[A-Za-z0-9_-]{1,20}", re.ASCII)
ID = re.compile(r"[a-z0-9]{1,13}", re.ASCII)

COMMUNITY_RULE = "2 to 21 letters, digits or _, such as python or r/python"
USER_RULE = "1 to 20 letters, digits, _ or -, such as spez or u/spez"
POST_RULE = "a post id such as 1abc2d or t3_1abc2d, or the post's address"
COMMENT_RULE = "a comment id such as k3xyz9 or t1_k3xyz9, or the comment's address"
SHARE_RULE = "the address that the share link leads to: open it in a browser and copy it"
MOST_CONTEXT = 8
"""Parents of a comment that Reddit shows above it at most."""


def _bare(text: str) -> str:
    return text.strip().rstrip("/")


class ThreadRef(NamedTuple):
    """A post, a comment in it or "", and how many of the comment's parents to show."""

    post: str
    comment: str = ""
    context: int = 0


def community(text: str) -> str:
    """The bare name of a community or profile community.

    Raises:
        ValueError: no such name is possible.
    """
    found = reddit_urls.read(text)
    name = found.community if found else _bare(text)
    if not COMMUNITY.fullmatch(name):
        raise ValueError(f"must be {COMMUNITY_RULE}")
    return name


def communities(text: str) -> str:
    """One community, `all`, `popular`, or several joined with `+` or commas.

    Raises:
        ValueError: one of the names is impossible.
    """
    return "+".join(community(name) for name in re.split(r"\s*[+,]\s*", reddit_urls.joined(text)))


def user(text: str) -> str:
    """The bare name of a user.

    Raises:
        ValueError: no such name is possible.
    """
    found = reddit_urls.read(text)
    name = found.user if found else _bare(text).removeprefix("@")
    if not USER.fullmatch(name):
        raise ValueError(f"must be {USER_RULE}")
    return name


def thread(text: str) -> ThreadRef:
    """A post, and what its permalink points to in it.

    Raises:
        ValueError: this is not a post, or a share link, of which only Reddit knows where it leads.
    """
    found = reddit_urls.read(text)
    if found and found.share:
        raise ValueError(f"must be {SHARE_RULE}")
    post = (found.post if found else _bare(text)).lower().removeprefix("t3_")
    comment = found.comment.lower().removeprefix("t1_") if found else ""
    if not ID.fullmatch(post) or (comment and not ID.fullmatch(comment)):
        raise ValueError(f"must be {POST_RULE}")
    return ThreadRef(post, comment, min(found.context, MOST_CONTEXT) if found else 0)


def share(text: str) -> str | None:
    """The path of a share link such as `/r/python/s/AbCdEf1234`; None of anything else."""
    found = reddit_urls.read(text)
    return found.share or None if found else None


def post(text: str) -> tuple[str, str]:
    """A post's bare id, and the bare id of the comment that its permalink points to, or "".

    Raises:
        ValueError: this is not a post.
    """
    return thread(text)[:2]


def comment(text: str) -> str:
    """A comment's bare id.

    Raises:
        ValueError: this is not a comment.
    """
    found = reddit_urls.read(text)
    identity = (found.comment if found else _bare(text)).lower().removeprefix("t1_")
    if not ID.fullmatch(identity):
        raise ValueError(f"must be {COMMENT_RULE}")
    return identity


def fullname(item: Post | Comment) -> str:
    """The id with Reddit's kind before it."""
    return f"{'t3' if isinstance(item, Post) else 't1'}_{item.id}"
