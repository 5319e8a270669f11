"""Lua on the server: atomic, one round trip, the server's own clock."""

from collections.abc import Sequence
from hashlib import sha1
from typing import Any

import hiredis
from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import NoScriptError


class Script:
    """A Lua script, kept beside the typed function that calls it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, keys: Sequence[str], arguments: Sequence[str | bytes | float]) -> Any:
        """Run it by its hash, or whole where the server does not know it (a new one, or after SCRIPT FLUSH).

        It belongs inside a visit, whose timer is the only one that the short way has.
        """
        try:
            if type(redis) is Redis:  # neither a cluster, which must find the node, nor an imitation in memory
                return await _ask(redis.connection_pool, ("EVALSHA", self.sha, len(keys), *keys, *arguments))
            return await redis.evalsha(self.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await redis.eval(self.text, len(keys), *keys, *arguments)


async def _ask(pool: ConnectionPool, command: tuple[Any, ...]) -> Any:
    """One command on a connection of the pool.

    Every call of a limited caller pays for this. The client's own way adds a task and two timers to each command
    (`asyncio.wait_for` in Python 3.11), packs in Python and measures for OpenTelemetry: three times the time.
    """
    connection = pool.get_available_connection()  # type: ignore[no-untyped-call]
    patience = connection.socket_timeout
    try:
        await pool.ensure_connection(connection)
        connection.socket_timeout = None
        await connection.send_packed_command(hiredis.pack_command(command))
        return await connection.read_response()
    finally:
        connection.socket_timeout = patience
        await pool.release(connection)
