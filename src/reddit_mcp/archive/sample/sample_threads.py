"""The sample's comment trees: who answers whom, and how."""

from random import Random

from reddit_mcp.archive.sample.people import GONE, People
from reddit_mcp.archive.sample.sample_posts import HOUR, Draft, Remark
from reddit_mcp.archive.sample.sample_text import Phrases, Speech, Topic, Voice

# How likely each kind of answer is. Likes and gripes are weighed by the topic's mood on top.
_NEXT: dict[Speech, dict[Speech, float]] = {
    "ask": {"tip": 5, "fact": 2, "story": 2, "like": 2, "gripe": 2},
    "like": {"like": 8, "gripe": 4, "ask": 2, "story": 1, "tip": 1},
    "gripe": {"gripe": 8, "like": 4, "tip": 3, "ask": 1, "story": 1},
    "tip": {"thanks": 3, "ask": 2, "like": 2, "gripe": 2, "tip": 1, "fact": 1},
    "fact": {"ask": 2, "like": 4, "gripe": 4, "tip": 1, "thanks": 1},
    "story": {"ask": 2, "like": 4, "gripe": 4, "tip": 1, "thanks": 1},
    "thanks": {"tip": 2, "fact": 1, "story": 1, "ask": 1},
}
# How an answer opens, by what it answers and what it is.
_RELATION: dict[tuple[Speech, Speech], str] = {
    ("like", "like"): "agree", ("tip", "like"): "agree", ("fact", "like"): "agree", ("story", "like"): "agree",
    ("like", "gripe"): "disagree", ("gripe", "like"): "disagree", ("tip", "gripe"): "doubt",
    ("gripe", "gripe"): "sympathy", ("fact", "gripe"): "sympathy", ("story", "gripe"): "sympathy",
    ("gripe", "tip"): "help", ("ask", "tip"): "answer", ("ask", "fact"): "answer", ("ask", "story"): "answer",
}  # fmt: skip
_TOP, _CHAIN = 0.36, 0.70  # shares: a new branch; an answer to the newest comment; else one to some recent comment
_RECENT = 40


class Crowd:
    """Fills posts with comments."""

    def __init__(self, phrases: Phrases, people: People, voice: Voice, rng: Random) -> None:
        self._reminders = phrases.reminders
        self._people = people
        self._voice = voice
        self._rng = rng

    def discuss(self, post: Draft) -> None:
        """Fill the post's thread, oldest comment first; parents come before their replies."""
        for body in post.fixed.replies:
            self._repeat(post, body)
        while len(post.remarks) < post.size:
            self._answer(post)
        if post.size > 8 and post.community.rules and self._rng.random() < 0.2:  # noqa: PLR2004 - busy ones, some
            self._remind(post)

    def _repeat(self, post: Draft, body: str) -> None:
        """A reply written out: to the post, or to the one before it."""
        parent = post.remarks[-1] if post.remarks and self._rng.random() < 0.5 else None  # noqa: PLR2004 - even
        author = self._people.answerer(post.community, parent.author if parent else post.author)
        self._add(post, parent, Remark(parent, "like", post.topic, author, 0, body))

    def _answer(self, post: Draft) -> None:
        parent = self._parent(post)
        topic = parent.topic if parent else self._topic(post)
        said = parent.speech if parent else post.speech
        speech = self._speech(said, topic)
        relation = {"thanks": "thanks", "ask": "curious"}.get(speech) or _RELATION.get((said, speech), "")
        body = self._voice.comment(speech, relation if parent else "", topic)
        remark = Remark(parent, speech, topic, self._author(post, parent), 0, body)
        self._add(post, parent, self._fate(remark))

    def _add(self, post: Draft, parent: Remark | None, remark: Remark) -> None:
        above = parent.age if parent else post.age
        wait = min(self._rng.expovariate(1 / (1.5 * HOUR if parent else 5 * HOUR)), above * self._rng.random())
        remark.age = max(above - int(wait) - 1, 1)
        remark.depth = parent.depth + 1 if parent else 0
        self._vote(remark)
        post.remarks.append(remark)

    def _remind(self, post: Draft) -> None:
        body = self._rng.choice(self._reminders).format(rule=self._rng.choice(post.community.rules)[0])
        author = self._people.moderator(post.community)
        remark = Remark(None, "fact", post.topic, author, max(post.age - 60, 1), body, moderator=True)
        post.remarks.append(remark)

    def _parent(self, post: Draft) -> Remark | None:
        share = self._rng.random()
        if not post.remarks or share < _TOP:
            return None
        return post.remarks[-1] if share < _CHAIN else self._rng.choice(post.remarks[-_RECENT:])

    def _topic(self, post: Draft) -> Topic:
        """An open thread is about everything but the news."""
        if not post.fixed.open:
            return post.topic
        return self._rng.choice([topic for topic in post.community.topics if not topic.titles])

    def _speech(self, said: Speech, topic: Topic) -> Speech:
        mood = {"like": topic.mood, "gripe": 1 - topic.mood}
        weights = {speech: weight * mood.get(speech, 1) for speech, weight in _NEXT[said].items()}
        return self._rng.choices(list(weights), list(weights.values()))[0]

    def _author(self, post: Draft, parent: Remark | None) -> str:
        """Who asks the poster often gets the poster."""
        if parent and parent.speech == "ask" and parent.author != post.author and self._rng.random() < 0.35:  # noqa: PLR2004
            return post.author
        return self._people.answerer(post.community, parent.author if parent else post.author)

    def _fate(self, remark: Remark) -> Remark:
        """Some comments are deleted, some removed, and some outlive their author's account."""
        share = self._rng.random()
        if share < 0.035:  # noqa: PLR2004 - a share
            remark.author = GONE
        if share < 0.01:  # noqa: PLR2004 - a share
            remark.body = "[removed]"
        elif share < 0.025:  # noqa: PLR2004 - a share
            remark.body = "[deleted]"
        return remark

    def _vote(self, remark: Remark) -> None:
        share = self._rng.random()
        if share < 0.04:  # noqa: PLR2004 - a share
            remark.score = -self._rng.randint(1, 25)
        elif share < 0.07:  # noqa: PLR2004 - a share
            remark.score, remark.controversial = self._rng.randint(-2, 3), True
        else:
            remark.score = min(int(self._rng.paretovariate(1.1) * (2 if remark.parent else 5)), 900)
