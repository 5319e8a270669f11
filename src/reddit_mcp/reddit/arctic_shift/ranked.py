"""Orders that Arctic Shift does not have, over as much as a few requests read."""

from collections.abc import Callable

from reddit_mcp.archive.fields import whole
from reddit_mcp.archive.ranks import controversy, post_votes
from reddit_mcp.reddit.arctic_shift import sentences
from reddit_mcp.reddit.arctic_shift.pages import MOST, Page, Pager
from reddit_mcp.reddit.arctic_shift.position import Position
from reddit_mcp.reddit.arctic_shift.things import Item

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
    sampled = sentences.SAMPLE.format(count=len(found)) if at else None
    young = any(pager.now - item.created < sentences.FIRST_LOOK_SECONDS for item in found)
    return found, sentences.joined(sampled, shortened(days), sentences.UNSETTLED if young else None)


def shortened(days: int | None) -> str | None:
    """What to say where only some days could be searched."""
    return None if days is None else sentences.SHORTENED.format(days=days)
