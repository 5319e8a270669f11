"""Every key that the product writes, how long it lives, and why.

Keys that meet in one script or transaction share a hash tag, so that Redis Cluster keeps them on one node
(https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags).
"""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of key.

    Attributes:
        name: the first part of the key after the prefix.
        ttl: seconds a key of this kind lives at most; None = until it is deleted.
        why: the reason for that.
    """

    name: str
    ttl: int | None
    why: str

    def key(self, prefix: str, tag: str) -> str:
        """Build the key of whatever `tag` names; the keys of one tag share a node.

        The tag is percent-encoded, for an empty one or one with braces would not be a hash tag, and two different
        ones must not make the same key.
        """
        return f"{prefix}{self.name}:{{{quote(tag, safe='') or '%'}}}"


WATCHES = Kind("watches", None, "a hash of all watches of one owner, who deletes them; at most a tier's number")

API_KEYS = Kind("api-keys", None, "a hash: the record of each API key by its id; kept so that the operator can tell")
KEY_DIGESTS = Kind("key-digests", None, "a hash: a key's digest to its id; as the records")
KEY_USES = Kind("key-uses", None, "a hash: when each key was last used; as the records")

_WEEK = 7 * 86_400

BREAKER = Kind("breaker", _WEEK, "a hash: a breaker's state and counts; a week without a call forgets it")
BREAKER_PROBES = Kind("breaker-probes", 60, "a sorted set: who probes a failed upstream; a lease of seconds each")
BREAKER_ERRORS = Kind("breaker-errors", _WEEK, "a list: a breaker's latest errors; as its state")
BREAKER_NAMES = Kind("breaker-names", _WEEK, "a sorted set: the breakers of all replicas; as their states")

TWO_DAYS = 2 * 86_400

ENTRIES = Kind("reddit", TWO_DAYS, "a cached answer: may be served stale for two days while Reddit is down")
PURGE_MARKS = Kind("mark", TWO_DAYS, "what cached answers of a tag must name to be valid; as the answers")
FLIGHTS = Kind("flight", 5, "a hash: who asks Reddit a question for all replicas; a lease of seconds, renewed")

BUDGET_WINDOW = Kind("budget-window", 3_600, "a sorted set: requests granted in the last 61 s, and a second more")
BUDGET_STATE = Kind("budget-state", 3_600, "a hash: how far Reddit's budget is corrected; an hour idle is a new start")
BUDGET_REPLICAS = Kind("budget-replicas", 60, "a hash: who waits in each process; a heartbeat of seconds each")
TICKETS = Kind("ticket", 300, "a queued request's state and outcome; the contract keeps it 300 s")

TICKETS_QUEUED_SECONDS = 30
"""While a request waits, its state is written anew every few seconds: what a dead process left goes soon."""

QUOTAS = Kind("quota", 32 * 86_400, "a hash: a caller's bucket and counters; the longest window is a month")
USAGE = Kind("usage", 365 * 86_400, "a hash: what a caller did on one day; the contract keeps it a year")
USERS_OF_DAY = Kind("usage-users", 365 * 86_400, "a set: who called on one day; as their numbers")

KINDS = (
    QUOTAS,
    USAGE,
    USERS_OF_DAY,
    WATCHES,
    API_KEYS,
    KEY_DIGESTS,
    KEY_USES,
    BREAKER,
    BREAKER_PROBES,
    BREAKER_ERRORS,
    BREAKER_NAMES,
    ENTRIES,
    PURGE_MARKS,
    FLIGHTS,
    BUDGET_WINDOW,
    BUDGET_STATE,
    BUDGET_REPLICAS,
    TICKETS,
)


def may_stay(key: str, prefix: str) -> bool:
    """Whether this key is of a kind that is meant to live without an expiry."""
    return any(key.startswith(f"{prefix}{kind.name}:") for kind in KINDS if kind.ttl is None)
