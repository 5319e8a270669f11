"""What Reddit's things are here: frozen values without behaviour.

Reddit may omit or null any field, so all but the identity are optional. Times are whole seconds since 1970 (UTC).
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(frozen=True)


class Post(Value):
    """A post (Reddit: link, `t3`). `id` is base-36 without its prefix."""

    id: str
    title: str = ""
    author: str = "[deleted]"
    subreddit: str = ""
    created_utc: int | None = None
    score: int | None = None
    upvote_ratio: float | None = None
    num_comments: int | None = None
    url: str = ""
    permalink: str = ""
    selftext: str = ""
    link_flair_text: str | None = None
    is_self: bool = False
    is_video: bool = False
    over_18: bool = False
    spoiler: bool = False
    stickied: bool = False


class Comment(Value):
    """A comment (`t1`). `parent_id` keeps its prefix; `depth` counts from 0 at the top of the thread."""

    id: str
    author: str = "[deleted]"
    body: str = ""
    score: int | None = None
    created_utc: int | None = None
    depth: int = 0
    parent_id: str = ""
    is_submitter: bool = False
    stickied: bool = False
    distinguished: str | None = None
    permalink: str = ""
    subreddit: str = ""


class More(Value):
    """Comments that Reddit collapsed below `parent_id`. No `children` means "continue this thread" elsewhere."""

    parent_id: str
    count: int = 0
    children: tuple[str, ...] = ()
    depth: int = 0


class Thread(Value):
    """A post with its comments, flat and in reading order (parents before their replies)."""

    post: Post
    comments: tuple[Comment, ...] = ()
    more: tuple[More, ...] = ()


class Branches(Value):
    """Comments that `/api/morechildren` added to a thread, in Reddit's order."""

    comments: tuple[Comment, ...] = ()
    more: tuple[More, ...] = ()


class Listing(Value):
    """A page of posts and comments; `after` is the cursor of the next page."""

    items: tuple[Post | Comment, ...] = ()
    after: str | None = None


class User(Value):
    """An account (`t2`). Reddit shows a suspended one with its name alone."""

    username: str
    created_utc: int | None = None
    link_karma: int | None = None
    comment_karma: int | None = None
    is_gold: bool = False
    is_mod: bool = False
    has_verified_email: bool | None = None
    is_suspended: bool = False


class Subreddit(Value):
    """A community (`t5`); `description` is Reddit's public_description."""

    name: str
    title: str = ""
    description: str = ""
    subscribers: int | None = None
    active_users: int | None = None
    created_utc: int | None = None
    over18: bool = False
    url: str = ""


class Rule(Value):
    """A rule of a community; `kind` is link, comment or all."""

    short_name: str
    description: str = ""
    kind: str = ""


class Rules(Value):
    """A community's rules in its moderators' order."""

    rules: tuple[Rule, ...] = ()


class Names(Value):
    """Names of communities."""

    names: tuple[str, ...] = ()


class Caller(Value):
    """Who is calling; `notice` is what they should hear, such as a key that expires."""

    id: str
    tier: str
    role: Literal["user", "operator"] = "user"
    key_id: str = ""
    notice: str | None = None


LOCAL = Caller(id="local", tier="unlimited", role="operator")
"""The one caller of a server that listens on loopback or stdio."""

AlertThreshold = Literal["any", "high_engagement", "viral"]


class Watch(Value):
    """A keyword watch of one owner. `check_interval` is in minutes; `subreddits` empty means all of Reddit."""

    watch_id: str
    owner: str
    keywords: tuple[str, ...]
    subreddits: tuple[str, ...] = ()
    alert_threshold: AlertThreshold = "high_engagement"
    check_interval: int = 15
    webhook_url: str | None = None
    status: Literal["active", "paused"] = "active"
    created_utc: int
    last_checked_utc: int | None = None
    next_check_utc: int | None = None
    matches: int = 0
