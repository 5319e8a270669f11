"""Reads of resources cost what the call costs whose answer they show."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.shared.exceptions import MCPError

from reddit_mcp.errors import NotFound, UpstreamError
from reddit_mcp.storage.watches.watch_store import WatchStore
from tests.support.quotas import FREE, House
from tests.support.redis_store import a_watch, fake_store

ABOUT = "reddit://r/lua/about"


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with fake_store() as store:
        yield House(store)


async def read(house: House, address: str) -> Any:
    request = SimpleNamespace(scope={"caller": FREE})
    inside: Any = SimpleNamespace(request=request)
    context: Context[Any, Any] = Context(request_context=inside, mcp_server=house.mcp)
    (content,) = cast("list[ReadResourceContents]", await house.mcp.read_resource(address, context))
    return orjson.loads(content.content)


async def minute(house: House) -> int:
    return (await house.left() or {})["minute"]


async def test_a_read_is_one_call(house: House) -> None:
    assert (await read(house, ABOUT))["name"] == "lua"
    assert await minute(house) == 9


async def test_a_spent_quota_refuses_reads_in_the_words_of_a_call(house: House) -> None:
    for _ in range(10):
        await read(house, ABOUT)
    with pytest.raises(MCPError) as refused:
        await read(house, ABOUT)
    assert refused.value.error.code == -32004
    assert refused.value.error.message.startswith("Your 10 calls a minute are used up")
    assert 0 < refused.value.error.data["retry_after_seconds"] <= 6


async def test_what_reddit_has_not_costs_and_what_it_fails_does_not(house: House) -> None:
    house.upstream.answer = lambda: NotFound("There is no r/lua.", resource="r/lua")
    with pytest.raises(ResourceNotFoundError, match="There is no r/lua"):
        await read(house, ABOUT)
    assert await minute(house) == 9
    house.upstream.answer = lambda: UpstreamError("Reddit broke")
    with pytest.raises(MCPError) as failed:
        await read(house, ABOUT)
    assert failed.value.error.code == -32006
    assert await minute(house) == 9


@pytest.mark.parametrize("address", ["reddit://r/a-b/about", "reddit://post/!!"])
async def test_an_address_of_nothing_is_a_bad_argument(house: House, address: str) -> None:
    with pytest.raises(MCPError) as refused:
        await read(house, address)
    assert refused.value.error.code == -32602
    assert await minute(house) == 10


async def test_a_watch_of_ones_own_costs_nothing(house: House) -> None:
    watch = a_watch(owner=FREE.id)
    await WatchStore(house.store).create(watch, limit=3)
    assert (await read(house, f"reddit://watches/{watch.watch_id}"))["keywords"] == ["lua"]
    assert await minute(house) == 10
