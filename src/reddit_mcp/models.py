"""What Reddit's things are here: frozen values without behaviour.

Reddit may omit or null any field, so all but the identity are optional. Times are whole seconds since 1970 (UTC).
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(frozen=True)


class Original(Value):
    """The post that a crosspost shows; only its id is sure."""

    id: str
    subreddit: str | None = None
    title: str | None = None
    permalink: str | None = None


class Picture(Value):
    """A picture of a gallery."""

    url: str
    caption: str | None = None


class PollOption(Value):
    """What can be voted for; Reddit shows the votes when the poll has ended, or to who has voted."""

    text: str
    votes: int | None = None


class Poll(Value):
    """A poll of a post."""

    options: tuple[PollOption, ...]
    total_votes: int | None = None
    ends_utc: int | None = None


class Post(Value):
    """A post (Reddit: link, `t3`). `id` and `crosspost_parent` (the post it shows) are base-36 without prefix.

    `removed` says by whom: moderator, automoderator, reddit or author. A hidden score is None. What Reddit does not say
    is None or false, never a guess.
    """

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
    crosspost_parent: str | None = None
    crosspost_of: Original | None = None
    gallery: tuple[Picture, ...] = ()
    video_url: str | None = None
    poll: Poll | None = None
    removed: str | None = None
    locked: bool = False
    archived: bool = False
    edited_utc: int | None = None
    score_hidden: bool = False
    contest_mode: bool = False
    author_flair_text: str | None = None


class Discussed(Value):
    """The post that a comment found by itself belongs to."""

    id: str
    title: str = ""
    subreddit: str = ""


class Comment(Value):
    """A comment (`t1`). `parent_id` keeps its prefix; `depth` counts from 0 at the top of the thread.

    `removed`, hidden scores and what Reddit does not say are as in a post. `post` is known outside its thread only.
    """

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
    removed: str | None = None
    edited_utc: int | None = None
    score_hidden: bool = False
    collapsed_reason: str | None = None
    post: Discussed | None = None


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


class Communities(Value):
    """A page of communities that a search found; `after` is the cursor of the next page."""

    items: tuple[Subreddit, ...] = ()
    after: str | None = None


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
    """Who is calling; `notice` is what they should hear, such as a key that expires.

    `shared` says that many people stand behind one caller, so nothing can be kept for one of them.
    """

    id: str
    tier: str
    role: Literal["user", "operator"] = "user"
    key_id: str = ""
    notice: str | None = None
    shared: bool = False


LOCAL = Caller(id="local", tier="unlimited", role="operator")
"""The one caller of a server that listens on loopback or stdio."""


class CallEvent(Value):
    """A call that has ended: nothing of what was asked for, and its caller by pseudonym.

    `error_type` is None for an answer; `cache` says where that came from: hit, miss or stale.
    """

    at_utc: int
    tool: str
    caller: str
    tier: str
    duration_ms: int
    cache: str | None = None
    error_type: str | None = None
    charged: tuple[str, ...] = ()


AlertThreshold = Literal["any", "high_engagement", "viral"]


class Gap(Value):
    """A stretch of time whose posts a watch could not see, for Reddit lists only so many."""

    from_utc: int
    to_utc: int


class Watch(Value):
    """A keyword watch of one owner. `check_interval` is in minutes; `subreddits` empty means all of Reddit.

    `gap` is the latest stretch of time that its checks could not see; None when there was none.
    `unreadable` names its communities that Reddit does not show now: gone, private or banned.
    `webhook_secret` is sealed, and its owner's answers leave it out; `pause_reason` says why the server paused it.
    """

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
    gap: Gap | None = None
    unreadable: tuple[str, ...] = ()
    webhook_secret: str | None = None
    pause_reason: str | None = None


class Match(Value):
    """A post that a watch found, once. `post` is its concise form; `sentiment` goes from -1 to 1."""

    match_id: str
    watch_id: str
    keyword: str
    why: str
    post: dict[str, Any]
    sentiment: float
    matched_utc: int
