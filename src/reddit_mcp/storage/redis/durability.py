"""Whether a Redis keeps what it is given."""

from dataclasses import dataclass

from reddit_mcp.storage.redis.connection import Store


@dataclass(frozen=True, slots=True)
class Durability:
    """What the server says of itself (INFO memory, INFO persistence).

    Attributes:
        policy: `noeviction`, or how it drops keys when its memory is full.
        appends: whether it writes an append-only file.
    """

    policy: str
    appends: bool

    @property
    def evicts(self) -> bool:
        """Whether keys, quotas and watches may be lost under pressure."""
        return self.policy != "noeviction"


async def durability(store: Store) -> Durability:
    """Ask the server.

    Raises:
        Unavailable: it is away.
    """
    async with store.visit() as redis:
        memory, persistence = await redis.info("memory"), await redis.info("persistence")
    return Durability(_first(memory, "maxmemory_policy"), _first(persistence, "aof_enabled") == "1")


def _first(info: dict[str, object], name: str) -> str:
    """The value, of the first node where a cluster answers with one each."""
    value = info.get(name)
    if value is None and info and isinstance(node := next(iter(info.values())), dict):
        value = node.get(name)
    return str(value)
