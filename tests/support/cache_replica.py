"""A replica: the cache over one Redis and an upstream on loopback; runs the commands it reads, one JSON a line."""

import asyncio
import json
import sys
from typing import Any

from reddit_mcp.errors import Failure, UpstreamError
from reddit_mcp.models import Listing, Post
from reddit_mcp.storage.redis.connection import Store, connect
from reddit_mcp.upstream.source import Answer, Query
from tests.support.cache_layers import Layers, layers, question
from tests.support.redis_store import PREFIX

TIMEOUT = 0.25


class Remote:
    """A Source that asks the test over a socket: the path there, the id of a post back."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def fetch(self, query: Query[Listing]) -> Answer[Listing]:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(f"{query.path}\n".encode())
            number = (await reader.readline()).decode().strip()
            writer.close()
        except OSError as error:
            raise UpstreamError("down") from error
        if not number:
            raise UpstreamError("down")
        return Answer(Listing(items=(Post(id=number),)), calls=1, ttl=query.ttl)


async def fetched(replica: Layers, path: str) -> dict[str, Any]:
    try:
        answer = await replica.cache.fetch(_question(path))
    except Failure as failure:
        return {"failure": failure.type}
    return {"id": answer.value.items[0].id, "calls": answer.calls, "cached": answer.cached, "stale": answer.stale}


def _question(path: str) -> Query[Listing]:
    return question(path, ttl=1000, tags=("subreddit:python",))


async def run(replica: Layers, command: dict[str, Any]) -> object:
    if command["do"] == "purge":
        await replica.answers.purge(["subreddit:python"])
        return None
    path = command["path"]
    if command["do"] == "held":
        return replica.memory.recent(_question(path).key) is not None
    return await asyncio.gather(*(fetched(replica, path) for _ in range(command["times"])))


async def main(url: str, port: int) -> None:
    async with (
        Store(connect(url, timeout=TIMEOUT), prefix=PREFIX, timeout=TIMEOUT, cluster_url=url) as store,
        layers(store, Remote(port), listening=True) as replica,
    ):
        print("ready", flush=True)  # noqa: T201
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await run(replica, json.loads(line))), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
