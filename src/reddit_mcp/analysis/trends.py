"""Which topics rise: phrases of titles in the current window against the previous one.

One vote for each post. The rise is measured by the signed log-likelihood ratio G², which holds for small counts.
Source: T. Dunning, "Accurate Methods for the Statistics of Surprise and Coincidence", Computational Linguistics 1993.
"""

import math
from collections import Counter
from collections.abc import Sequence

from reddit_mcp.analysis.phrases import Phrase, distinct, mentions, wording
from reddit_mcp.analysis.prose import written
from reddit_mcp.analysis.sentiment import SentimentAnalyzer, mean
from reddit_mcp.models import Post, Value

_LEAST_MENTIONS = 3
_LEAST_AUTHORS = 2
_EXAMPLES = 3


class Place(Value):
    """A community, and how many of its posts mention the topic."""

    name: str
    mentions: int


class Sample(Value):
    """A post that mentions the topic."""

    id: str
    title: str
    score: int | None


class Trend(Value):
    """A rising topic.

    Attributes:
        keyword: the phrase.
        mentions: posts of the current window that hold it.
        growth_rate: share of posts now / share before, half a post added to both counts.
        score: signed G²; above 3.84 a rise by chance is less likely than 5 %.
        sentiment: mean sentiment of the mentioning posts, title and text, from -1 to 1.
        top_subreddits: where it is mentioned most.
        sample_posts: the mentioning posts of the highest score.
    """

    keyword: str
    mentions: int
    growth_rate: float
    score: float
    sentiment: float
    top_subreddits: tuple[Place, ...]
    sample_posts: tuple[Sample, ...]


class Trends(Value):
    """Rising topics, and what they were drawn from: posts of both windows, distinct phrases of their titles."""

    trending_topics: tuple[Trend, ...]
    posts_analyzed: int
    unique_keywords: int


def split(posts: Sequence[Post]) -> tuple[list[Post], list[Post]]:
    """Split one listing into its newer half (current) and its older half (previous), at the median time.

    One listing is all that a call fetches: the newest posts of a busy community span minutes, the top posts of a day
    span the day, with few young ones. Halves by number are therefore the fairest windows: both are large enough to
    count in, and growth compares shares, so it does not matter that they last differently long. Posts of one second
    stay together, in the newer half; where that leaves no older post there is no previous window. Posts without a
    time are left out, repeated ones count once.
    """
    dated = {post.id: (post.created_utc, post) for post in posts if post.created_utc is not None}
    times = sorted(time for time, _ in dated.values())
    middle = times[len(times) // 2] if times else 0
    current = [post for time, post in dated.values() if time >= middle]
    return current, [post for time, post in dated.values() if time < middle]


def trending(current: Sequence[Post], previous: Sequence[Post], analyzer: SentimentAnalyzer, limit: int = 10) -> Trends:
    """Return the topics that rise from the previous window to the current one, the strongest rise first.

    A topic needs three mentions by two different authors (where any author is known), and a larger share of posts than
    before. Without a previous window each phrase is compared with the mean count of all phrases, an even background.
    """
    now, before = _mentions(current), _mentions(previous)
    shared = {phrase: posts for phrase, posts in now.items() if _is_shared([current[index] for index in posts])}
    even = sum(map(len, now.values())) / max(len(now), 1)
    risen = []
    for phrase in distinct(shared):
        posts = [current[index] for index in shared[phrase]]
        past = len(before.get(phrase, ())) if previous else even
        rise = _Rise(wording(phrase), posts, len(current), past, len(previous) or len(current))
        if rise.growth > 1 and rise.score > 0:
            risen.append(rise)
    risen.sort(key=lambda rise: (-rise.score, -len(rise.posts), rise.keyword))
    return Trends(
        trending_topics=tuple(_trend(rise, analyzer) for rise in risen[:limit]),
        posts_analyzed=len(current) + len(previous),
        unique_keywords=len(now.keys() | before.keys()),
    )


class _Rise:
    """A phrase's share of posts now (`posts` of `total`) against before (`past` of `past_total`)."""

    def __init__(self, keyword: str, posts: list[Post], total: int, past: float, past_total: int) -> None:
        now = len(posts)
        self.keyword, self.posts = keyword, posts
        self.growth = ((now + 0.5) / total) / ((past + 0.5) / past_total)
        self.score = _log_likelihood(now, total, past, past_total)


def _log_likelihood(now: float, total: float, past: float, past_total: float) -> float:
    """Return Dunning's G² of two binomial counts, negative where the share fell."""
    pooled = (now + past) / (total + past_total)
    ratio = (
        _log_chance(now, total, now / total)
        + _log_chance(past, past_total, past / past_total)
        - _log_chance(now, total, pooled)
        - _log_chance(past, past_total, pooled)
    )
    return math.copysign(2 * ratio, now / total - past / past_total)


def _log_chance(hits: float, total: float, share: float) -> float:
    """Return the log-likelihood of the hits at this share; 0 log 0 is 0."""
    return sum(count * math.log(chance) for count, chance in ((hits, share), (total - hits, 1 - share)) if count)


def _mentions(posts: Sequence[Post]) -> dict[Phrase, list[int]]:
    return mentions(written(post.title) for post in posts)


def _is_shared(posts: Sequence[Post]) -> bool:
    """Whether enough posts mention it, and not one author alone; archives may know no authors at all."""
    authors = {post.author for post in posts} - {"", "[deleted]"}
    return len(posts) >= _LEAST_MENTIONS and (not authors or len(authors) >= _LEAST_AUTHORS)


def _trend(rise: _Rise, analyzer: SentimentAnalyzer) -> Trend:
    places = Counter(post.subreddit for post in rise.posts if post.subreddit)
    best = sorted(rise.posts, key=lambda post: (math.inf if post.score is None else -post.score, post.id))
    return Trend(
        keyword=rise.keyword,
        mentions=len(rise.posts),
        growth_rate=round(rise.growth, 2),
        score=round(rise.score, 2),
        sentiment=mean(analyzer.read(rise.posts)),
        top_subreddits=tuple(
            Place(name=name, mentions=count)
            for name, count in sorted(places.items(), key=lambda place: (-place[1], place[0]))[:_EXAMPLES]
        ),
        sample_posts=tuple(Sample(id=post.id, title=post.title, score=post.score) for post in best[:_EXAMPLES]),
    )
