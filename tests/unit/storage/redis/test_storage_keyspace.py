from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from reddit_mcp.storage.redis.keyspace import KINDS, WATCHES, Kind, may_stay

tags = st.text(st.characters(codec="utf-8"))


@given(tags, tags)
def test_different_tags_make_different_keys(one: str, other: str) -> None:
    assert (WATCHES.key("p:", one) == WATCHES.key("p:", other)) == (one == other)


@given(tags)
def test_keys_of_one_tag_share_a_slot(tag: str) -> None:
    matches = Kind("matches", 60, "for the test")
    assert key_slot(WATCHES.key("p:", tag).encode()) == key_slot(matches.key("p:", tag).encode())


def test_a_key_reads_well() -> None:
    assert WATCHES.key("reddit_mcp:", "ada") == "reddit_mcp:watches:{ada}"


def test_only_kinds_without_ttl_may_stay() -> None:
    assert may_stay(WATCHES.key("p:", "ada"), "p:")
    assert not may_stay(WATCHES.key("p:", "ada"), "q:")
    assert not may_stay("p:unknown:{ada}", "p:")


def test_every_kind_says_why() -> None:
    assert all(kind.why for kind in KINDS)
    assert len({kind.name for kind in KINDS}) == len(KINDS)
