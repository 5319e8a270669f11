"""The sample's posts, before they get ids: made up about topics, or written out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from reddit_mcp.archive.sample.people import GONE, People
from reddit_mcp.archive.sample.sample_text import Community, Fixed, Phrases, Speech, Topic, Voice

HOUR = 3_600
DAY = 24 * HOUR
_SPAN = 29 * DAY
_KINDS: tuple[Speech, ...] = ("like", "gripe", "ask", "story", "fact")
_NEWEST = 40  # seconds


@dataclass(slots=True)
class Remark:
    """A comment in the making; `parent` is None at the top of the thread, `age` is in seconds."""

    parent: "Remark | None"
    speech: Speech
    topic: Topic
    author: str
    age: int
    body: str
    score: int = 1
    depth: int = 0
    controversial: bool = False
    moderator: bool = False
    id: str = ""


@dataclass(slots=True)
class Draft:
    """A post in the making; `size` is how many comments it is to have, `age` is in seconds."""

    community: Community
    topic: Topic
    speech: Speech
    author: str
    age: int
    title: str
    size: int
    fixed: Fixed
    body: str = ""
    url: str = ""
    flair: str | None = None
    score: int = 1
    ratio: float = 1.0
    stickied: bool = False
    removed: bool = False
    remarks: list[Remark] = field(default_factory=list)
    id: str = ""


class Poster:
    """Writes the posts of a community."""

    def __init__(self, phrases: Phrases, people: People, voice: Voice, rng: Random) -> None:
        self._note = phrases.note
        self._people = people
        self._voice = voice
        self._rng = rng

    def posts(self, community: Community) -> Iterator[Draft]:
        """Every post: the pinned welcome, the ones written out, the news of the day, and the everyday."""
        drafts = [*self._fixed(community), *self._events(community), *self._everyday(community)]
        authors = self._people.posters(community, len(drafts))
        yield self._welcome(community)
        for draft, author in zip(drafts, authors, strict=True):
            draft.author = author
            yield self._judged(draft)

    def _welcome(self, community: Community) -> Draft:
        rules = "\n".join(f"{at}. {rule[0]}: {rule[1]}" for at, rule in enumerate(community.rules, 1))
        body = f"{self._note} Nobody and nothing here is real.\n\n{community.about}\n\n{rules}".strip()
        title = f"Welcome to {community.title}: read this first (sample data)"
        fixed = Fixed(title=title, body=body, age_hours=0)
        draft = self._draft(community, community.topics[0], "tip", fixed, age=_SPAN + 20 * HOUR, size=0)
        draft.author, draft.stickied, draft.score, draft.ratio = self._people.moderator(community), True, 61, 0.97
        return draft

    def _fixed(self, community: Community) -> Iterator[Draft]:
        for fixed in community.fixed:
            topic = community.topics[fixed.topic]
            size = len(fixed.replies) + fixed.size
            yield self._draft(community, topic, "ask", fixed, age=int(fixed.age_hours * HOUR), size=size)

    def _events(self, community: Community) -> Iterator[Draft]:
        for topic in community.topics:
            for title in topic.titles:
                age = self._rng.randint(_NEWEST, int((topic.within_hours or 0) * HOUR) - 1)
                yield self._made_up(community, topic, age, title)

    def _everyday(self, community: Community) -> Iterator[Draft]:
        topics = [topic for topic in community.topics if not topic.titles]
        titles: set[str] = set()
        while len(titles) < community.posts:
            draft = self._made_up(community, self._rng.choice(topics), self._age())
            if draft.title not in titles:
                titles.add(draft.title)
                yield draft

    def _made_up(self, community: Community, topic: Topic, age: int, title: str = "") -> Draft:
        speech = self._rng.choices(_KINDS, (3 * topic.mood, 3 * (1 - topic.mood), 2, 1, 1))[0]
        title = title or self._voice.title(speech, topic)
        link = speech == "fact" or self._rng.random() < 0.06  # noqa: PLR2004 - a share
        fixed = Fixed(
            title=title,
            body="" if link else self._voice.article(speech, topic),
            url=self._link(community, title) if link else "",
            flair=self._rng.choice(community.flairs) if community.flairs else None,
            age_hours=0,
        )
        size = self._rng.lognormvariate(2.55, 0.75) * min(1, age / (3 * HOUR) + 0.15)
        return self._draft(community, topic, speech, fixed, age, int(size))

    def _draft(self, community: Community, topic: Topic, speech: Speech, fixed: Fixed, age: int, size: int) -> Draft:
        return Draft(
            community, topic, speech, GONE, age, fixed.title, size, fixed, fixed.body, fixed.url, fixed.flair
        )  # fmt: skip

    def _judged(self, draft: Draft) -> Draft:
        """Votes go with comments; a few posts are disliked, a few are gone."""
        draft.score = int((draft.size + 2) * self._rng.uniform(2, 14))
        draft.ratio = round(self._rng.uniform(0.82, 0.99), 2)
        fate = self._rng.random()
        if fate < 0.04:  # noqa: PLR2004 - a share
            draft.score, draft.ratio = 0, round(self._rng.uniform(0.3, 0.5), 2)
        elif fate < 0.06 and draft.body and not draft.fixed.replies:  # noqa: PLR2004 - a share
            draft.author, draft.body, draft.removed = GONE, "[removed]", True
        if draft.fixed.score is not None and draft.fixed.upvote_ratio is not None:
            draft.score, draft.ratio = draft.fixed.score, draft.fixed.upvote_ratio
        return draft

    def _age(self) -> int:
        """When an everyday post was written: some in the last hour, a quarter in the last day."""
        share = self._rng.random()
        if share < 0.03:  # noqa: PLR2004 - a share
            return self._rng.randint(_NEWEST, HOUR - 1)
        if share < 0.27:  # noqa: PLR2004 - a share
            return self._rng.randint(HOUR, DAY - 1)
        return self._rng.randint(DAY, _SPAN)

    def _link(self, community: Community, title: str) -> str:
        name = community.name.lower()
        if title.startswith("Video"):
            return f"https://v.redd.it/sample{self._rng.randrange(36**4)}"
        return f"https://example.com/{name}/{slug(title).replace('_', '-')}"


def slug(title: str) -> str:
    """The readable end of a permalink: lower-case ASCII words, 50 characters at most, as Reddit writes it."""
    words = "".join(char if char.isascii() and char.isalnum() else " " for char in title.lower()).split()
    return "_".join(words)[:50].strip("_") or "_"
