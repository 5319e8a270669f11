"""Orders that Arctic Shift does not have, over as much as a few requests read."""

from collections.abc import Callable

from reddit_mcp.archive.sqlite.rank_formulas import controversy, post_votes
from reddit_mcp.archive.sqlite.raw_fields import whole
from reddit_mcp.upstream.arctic_shift import refusal_sentences
from reddit_mcp.upstream.arctic_shift.client.arctic_pages import MOST, Page, Pager
from reddit_mcp.upstream.arctic_shift.client.page_cursor import Position
from reddit_mcp.upstream.arctic_shift.questions.arctic_things import Item

REQUESTS = 3
"""Pages that are read to rank them."""

Score = Callable[[Item], float]


def top(item: Item) -> float:
    """By score."""
    return whole(item.data.get("score")) or 0


def comments(item: Item) -> float:
    """By number of comments."""
    return whole(item.data.get("num_comments")) or 0


def controversial(item: Item) -> float:
    """By Reddit's measure, from score and upvote_ratio."""
    return controversy(post_votes(item.data))


async def ranked(pager: Pager, score: Score) -> tuple[list[Item], str | None]:
    """The newest things that a few pages hold, best first, and what to say of that."""
    found: list[Item] = []
    at: Position | None = None
    days = None
    for _ in range(REQUESTS):
        page: Page = await pager.page(at, MOST)
        found += page.items
        days, at = page.days or days, page.next
        if at is None:
            break
    found.sort(key=lambda item: (score(item), item.place), reverse=True)
    sampled = refusal_sentences.SAMPLE.format(count=len(found)) if at else None
    young = any(pager.now - item.created < refusal_sentences.FIRST_LOOK_SECONDS for item in found)
    return found, refusal_sentences.joined(sampled, shortened(days), refusal_sentences.UNSETTLED if young else None)


def shortened(days: int | None) -> str | None:
    """What to say where only some days could be searched."""
    return None if days is None else refusal_sentences.SHORTENED.format(days=days)
