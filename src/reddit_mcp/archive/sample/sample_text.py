"""The sample's words: communities with their topics, and the sentence frames that topics fill."""

import tomllib
from importlib.resources import files
from random import Random
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Speech = Literal["like", "gripe", "tip", "fact", "story", "ask", "thanks"]

Part = Speech | Literal["view"]  # a view is a like or a gripe, as the topic's mood has it

# What a comment of each kind may go on to say after its first sentence, and what a post of each kind says.
_SUPPORT: dict[Speech, tuple[tuple[Part, ...], ...]] = {
    "like": ((), ("fact",), ("story",), ("tip",), ("story", "ask")),
    "gripe": ((), ("story",), ("fact",), ("ask",), ("story", "fact")),
    "tip": ((), ("fact",), ("view",), ("story", "view")),
    "fact": (("tip",), ("view",), ("ask",)),
    "story": (("view",), ("fact",), ("tip",)),
    "ask": ((), ("story",), ("fact",), ("view",)),
    "thanks": ((), ("ask",), ("story",)),
}
_ARTICLE: dict[Speech, tuple[Part, ...]] = {
    "like": ("like", "story", "fact", "ask"),
    "gripe": ("gripe", "story", "ask"),
    "tip": ("tip", "fact", "view"),
    "fact": ("fact", "tip", "ask"),
    "story": ("story", "view", "tip"),
    "ask": ("ask", "story", "view"),
    "thanks": ("thanks",),
}


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Topic(_Table):
    """What people talk about, and the clauses they say about it. `mood` is the share of the pleased."""

    thing: str
    like: tuple[str, ...]
    gripe: tuple[str, ...]
    tip: tuple[str, ...]
    fact: tuple[str, ...]
    story: tuple[str, ...]
    ask: tuple[str, ...]
    mood: float
    within_hours: float | None = None
    titles: tuple[str, ...] = ()


class Fixed(_Table):
    """A post written out. `size` comments are made up about `topic`, after the given replies."""

    title: str
    body: str = ""
    url: str = ""
    age_hours: float
    flair: str | None = None
    topic: int = 0
    size: int = 0
    open: bool = False
    replies: tuple[str, ...] = ()
    score: int | None = None
    upvote_ratio: float | None = None
    over_18: bool = False
    spoiler: bool = False
    is_video: bool = False


class Community(_Table):
    """A community; `posts` counts the made-up ones. One with an `owner` is that account's own page."""

    name: str
    title: str
    about: str
    owner: str | None = None
    subscribers: int
    active: int
    posts: int
    mood: float
    flairs: tuple[str, ...]
    rules: tuple[tuple[str, str, str], ...]
    topics: tuple[Topic, ...]
    fixed: tuple[Fixed, ...] = ()


class Phrases(_Table):
    """The frames shared by all topics, by kind of speech or relation to the parent."""

    note: str
    titles: dict[Speech, tuple[str, ...]]
    sentences: dict[Speech, tuple[str, ...]]
    openers: dict[str, tuple[str, ...]]
    periods: tuple[str, ...]
    reminders: tuple[str, ...]
    first: tuple[str, ...]
    second: tuple[str, ...]


def load_phrases() -> Phrases:
    """Read the shared frames."""
    return Phrases.model_validate(tomllib.loads((files(__package__) / "phrases.toml").read_text("utf-8")))


def load_communities() -> list[Community]:
    """Read the communities, in the order of their files' names."""
    folder = files(__package__) / "communities"
    texts = [entry.read_text("utf-8") for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)]
    return [_community(tomllib.loads(text)) for text in texts]


def _community(table: dict[str, Any]) -> Community:
    """A topic without a mood of its own has its community's."""
    topics = [{"mood": table["mood"]} | topic for topic in table["topics"]]
    return Community.model_validate(table | {"topics": topics})


class Voice:
    """Says things about topics."""

    def __init__(self, phrases: Phrases, rng: Random) -> None:
        self._phrases = phrases
        self._rng = rng

    def title(self, kind: Speech, topic: Topic) -> str:
        """A post's title."""
        frames = self._phrases.titles[kind]
        return _capital(self._rng.choice(frames).format(**self._words(topic)))

    def article(self, kind: Speech, topic: Topic) -> str:
        """A post's text, in one or two paragraphs."""
        sentences = [self._say((part,), topic) for part in _ARTICLE[kind]]
        at = self._rng.randint(1, len(sentences))
        return "\n\n".join(" ".join(part) for part in (sentences[:at], sentences[at:]) if part)

    def comment(self, kind: Speech, relation: str, topic: Topic) -> str:
        """A comment, which answers its parent as `relation` says (a name in `openers`, or nothing)."""
        body = self._say((kind, *self._rng.choice(_SUPPORT[kind])), topic)
        if relation and self._rng.random() < 0.7:  # noqa: PLR2004 - most people greet, some do not
            body = f"{self._rng.choice(self._phrases.openers[relation])} {body}"
        return body

    def _say(self, parts: tuple[Part, ...], topic: Topic) -> str:
        words = self._words(topic)
        frames = [self._rng.choice(self._phrases.sentences[self._speech(part, topic)]) for part in parts]
        return " ".join(_capital(frame.format(**words)) for frame in frames)

    def _speech(self, part: Part, topic: Topic) -> Speech:
        if part != "view":
            return part
        return "like" if self._rng.random() < topic.mood else "gripe"

    def _words(self, topic: Topic) -> dict[str, str]:
        pick = self._rng.choice
        return {
            "thing": topic.thing, "period": pick(self._phrases.periods), "like": pick(topic.like),
            "gripe": pick(topic.gripe), "tip": pick(topic.tip), "fact": pick(topic.fact),
            "story": pick(topic.story), "ask": pick(topic.ask),
        }  # fmt: skip


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
