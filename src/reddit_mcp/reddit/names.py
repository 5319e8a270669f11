"""Names and ids as people write them: `r/Python`, `/u/spez/`, full addresses, permalinks, redd.it links, `t3_` ids.

Only what is left after this may become a piece of a path; the rules are Reddit's own for names and ids.
"""

import re
from urllib.parse import urlsplit

COMMUNITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{1,20}|u_[A-Za-z0-9_-]{1,21}", re.ASCII)
USER = re.compile(r"[A-Za-z0-9_-]{1,20}", re.ASCII)
ID = re.compile(r"[a-z0-9]{1,13}", re.ASCII)
HOSTS = ("reddit.com", "redd.it")

COMMUNITY_RULE = "2 to 21 letters, digits or _, such as python or r/python"
USER_RULE = "1 to 20 letters, digits, _ or -, such as spez or u/spez"
POST_RULE = "a post id such as 1abc2d or t3_1abc2d, or the post's address"
COMMENT_RULE = "a comment id such as k3xyz9 or t1_k3xyz9, or the comment's address"


def _pieces(text: str) -> list[str]:
    """The path of an address or of a short form such as `/r/python/`.

    Raises:
        ValueError: the address belongs to another site.
    """
    text = text.strip()
    if "://" in text or "." in text.partition("/")[0]:  # no name has a dot in it
        text = _path(text if "://" in text else f"https://{text}")
    return [piece for piece in text.split("/") if piece]


def _path(address: str) -> str:
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
    except ValueError:
        host = ""
    if not any(host == known or host.endswith(f".{known}") for known in HOSTS):
        raise ValueError("is not an address of Reddit's")
    return parts.path


def _permalink(pieces: list[str]) -> list[str]:
    """The post's id, the words of its title and the comment's id, as far as a permalink has them."""
    if pieces[:1] in (["r"], ["u"], ["user"]):
        pieces = pieces[2:]
    return pieces[1:] if pieces[:1] in (["comments"], ["gallery"]) else []


def community(text: str) -> str:
    """The bare name of a community or profile community.

    Raises:
        ValueError: no such name is possible.
    """
    pieces = _pieces(text)
    if len(pieces) > 1 and pieces[0].lower() in ("u", "user"):
        pieces = ["r", f"u_{pieces[1]}"]
    name = pieces[1] if len(pieces) > 1 and pieces[0].lower() == "r" else "/".join(pieces)
    if not COMMUNITY.fullmatch(name):
        raise ValueError(f"must be {COMMUNITY_RULE}")
    return name


def communities(text: str) -> str:
    """One community, `all`, `popular`, or several joined with `+`.

    Raises:
        ValueError: one of the names is impossible.
    """
    return "+".join(community(name) for name in text.split("+"))


def user(text: str) -> str:
    """The bare name of a user.

    Raises:
        ValueError: no such name is possible.
    """
    pieces = _pieces(text)
    prefixed = len(pieces) > 1 and pieces[0].lower() in ("u", "user")
    name = pieces[1] if prefixed else "/".join(pieces).removeprefix("@")
    if not USER.fullmatch(name):
        raise ValueError(f"must be {USER_RULE}")
    return name


def post(text: str) -> tuple[str, str]:
    """A post's bare id, and the bare id of the comment that its permalink points to, or "".

    Raises:
        ValueError: this is not a post.
    """
    pieces = [piece.lower() for piece in _pieces(text)]
    if len(pieces) > 1:
        pieces = _permalink(pieces)
    identity = pieces[0].removeprefix("t3_") if pieces else ""
    comment_id = pieces[2] if len(pieces) > 2 else ""  # noqa: PLR2004 - id, slug, comment
    if not ID.fullmatch(identity) or (comment_id and not ID.fullmatch(comment_id)):
        raise ValueError(f"must be {POST_RULE}")
    return identity, comment_id


def comment(text: str) -> str:
    """A comment's bare id.

    Raises:
        ValueError: this is not a comment.
    """
    pieces = [piece.lower() for piece in _pieces(text)]
    identity = pieces[0].removeprefix("t1_") if len(pieces) == 1 else "".join(_permalink(pieces)[2:3])
    if not ID.fullmatch(identity):
        raise ValueError(f"must be {COMMENT_RULE}")
    return identity
