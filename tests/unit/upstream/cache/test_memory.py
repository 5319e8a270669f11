from reddit_mcp.models import Listing
from reddit_mcp.storage.cache.cache_encoding import Entry, Facts
from reddit_mcp.upstream.cache.memory_cache import RECENT_SECONDS, MemoryCache
from tests.support.cache_layers import page
from tests.support.clocks import Clock


def entry(size: int = 10, *tags: str, stored_at: float = 0.0) -> Entry[Listing]:
    marks = dict.fromkeys(tags, "m")
    return Entry(page("a"), Facts(model="Listing", stored_at=stored_at, fresh_until=9, ttl=9, marks=marks), size)


def held(memory: MemoryCache, *questions: str) -> str:
    return "".join(question for question in questions if memory.last(question))


def test_the_least_recently_used_leaves_first() -> None:
    memory = MemoryCache(entries=2)
    for question in "ab":
        memory.put(question, entry(), memory.moment())
    memory.recent("a")
    memory.put("c", entry(), memory.moment())
    assert held(memory, *"abc") == "ac"


def test_bytes_are_bounded_too() -> None:
    memory = MemoryCache(size=400)
    memory.put("a", entry(50), memory.moment())
    memory.put("b", entry(50), memory.moment())
    memory.put("c", entry(20), memory.moment())
    assert held(memory, *"abc") == "bc"
    memory.put("d", entry(101), memory.moment())
    assert held(memory, *"abcd") == ""
    memory.put("e", entry(100), memory.moment())
    assert held(memory, "e") == "e"


def test_an_answer_is_recent_for_a_minute() -> None:
    clock = Clock()
    memory = MemoryCache(clock=clock)
    memory.put("a", entry(), memory.moment())
    clock.now += RECENT_SECONDS - 1
    assert memory.recent("a")
    clock.now += 1
    assert not memory.recent("a")
    assert memory.last("a")
    assert not memory.recent("b")


def test_a_spare_answer_takes_nobodys_place() -> None:
    memory = MemoryCache(entries=2)
    memory.put("a", entry(), memory.moment())
    memory.put("s", entry(), memory.moment(), spare=True)
    memory.put("t", entry(), memory.moment(), spare=True)
    assert held(memory, *"ast") == "as"
    memory.put("b", entry(), memory.moment())
    assert held(memory, *"abst") == "ab"


def test_a_renewal_is_claimed_once_for_each_answer() -> None:
    memory = MemoryCache()
    memory.put("a", entry(), memory.moment())
    assert [memory.claim("a"), memory.claim("a")] == [True, False]
    memory.put("a", entry(), memory.moment())
    assert not memory.claim("a")
    memory.put("a", entry(stored_at=1.0), memory.moment())
    assert memory.claim("a")


def test_what_is_not_held_can_be_claimed() -> None:
    assert MemoryCache().claim("a")


def test_a_purge_drops_by_tag() -> None:
    memory = MemoryCache()
    for question, tag in (("a", "x"), ("b", "y"), ("c", "z")):
        memory.put(question, entry(10, tag), memory.moment())
    memory.purge({"x", "z", "other"})
    assert held(memory, *"abc") == "b"


def test_what_was_asked_before_a_purge_is_not_held_after_it() -> None:
    memory = MemoryCache()
    before = memory.moment()
    memory.purge({"x"})
    memory.put("a", entry(), before)
    assert not memory.last("a")
    memory.put("a", entry(), memory.moment())
    assert memory.last("a")


def test_what_was_asked_before_a_doubt_is_not_recent() -> None:
    clock = Clock()
    memory = MemoryCache(clock=clock)
    memory.put("a", entry(), memory.moment())
    before = memory.moment()
    clock.now += 1
    memory.doubt()
    memory.put("b", entry(), before)
    assert (memory.recent("a"), memory.recent("b")) == (None, None)
    assert held(memory, *"ab") == "ab"
    clock.now += 1
    memory.put("a", entry(), memory.moment())
    assert memory.recent("a")


def test_no_place_at_all() -> None:
    memory = MemoryCache(entries=0)
    memory.put("a", entry(), memory.moment())
    assert not memory.last("a")
