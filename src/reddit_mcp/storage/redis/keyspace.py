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
WATCH_CHECKS = Kind("watch-checks", None, "a sorted set: when each active watch is checked next; as the watches")
WATCH_PROGRESS = Kind("watch-progress", None, "a hash: how far the checks of an owner's watches are; as the watches")

MATCH_DAYS = 30
WATCH_MATCHES = Kind("watch-matches", MATCH_DAYS * 86_400, "a sorted set: a watch's matches by time; kept 30 days")
MATCH_BODIES = Kind("match-bodies", MATCH_DAYS * 86_400, "a hash: a watch's matches by their ids; kept 30 days")
UNDELIVERED = Kind("undelivered", MATCH_DAYS * 86_400, "a set: stored matches that nobody was told of; as the matches")
CANDIDATES = Kind("watch-candidates", 2 * 86_400, "young posts that may yet reach a watch's threshold, for a day")
BASELINES = Kind("baseline", 6 * 3600, "how much attention posts of a community get; measured four times a day")

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
LEASES = Kind("lease", 3_600, "who of all replicas does a piece of work; held for minutes at a time")
FLIGHTS = Kind("flight", 5, "a hash: who asks Reddit a question for all replicas; a lease of seconds, renewed")

BUDGET_WINDOW = Kind("budget-window", 3_600, "a sorted set: requests granted in the last 61 s, and a second more")
BUDGET_STATE = Kind("budget-state", 3_600, "a hash: how far Reddit's budget is corrected; an hour idle is a new start")
BUDGET_REPLICAS = Kind("budget-replicas", 60, "a hash: who waits in each process; a heartbeat of seconds each")
TICKETS = Kind("ticket", 300, "a queued request's state and outcome; the contract keeps it 300 s")

TICKETS_QUEUED_SECONDS = 30
"""While a request waits, its state is written anew every few seconds: what a dead process left goes soon."""

QUOTAS = Kind("quota", 32 * 86_400, "a hash: a caller's bucket and counters; the longest window is a month")
USAGE = Kind("usage", 365 * 86_400, "a hash: what a caller did on one day; the contract keeps it a year")
STRANGERS_USAGE = Kind("usage", 7 * 86_400, "the same of a caller without a key: anybody can be ever new ones")
USERS_OF_DAY = Kind("usage-users", 365 * 86_400, "a set: who called on one day; as their numbers")

ALERTS = Kind("alerts", 86_400, "a hash: what was told of each alert last; a day without one forgets it")
CACHE_ONLY = Kind("cache-only", None, "the operator's switch to cache-only; the operator switches back")

CALL_WINDOWS = Kind("stats", 25 * 3600, "a hash: what was called in five minutes; /stats shows a day of them")
CALL_DAYS = Kind(
    "stats-day", 31 * 86_400, "a hash: calls of a day and those that failed by us; as long as the objective"
)
CALLERS_SEEN = Kind("stats-callers", 25 * 3600, "a sorted set: when each caller was last seen, by pseudonym; for a day")

JOBS_DUE = Kind("jobs-due", _WEEK, "a sorted set: what has to be done when; nothing waits for more than a day")
JOBS_LEASED = Kind("jobs-leased", _WEEK, "a sorted set: until when the worker of each job holds it; as the due times")
JOB_BODIES = Kind("job-bodies", _WEEK, "a hash: each job's payload and holder; as the due times")

DELIVERIES = Kind("deliveries", 30 * 86_400, "a hash: what became of each match's webhook; as the matches")
DELIVERY_ORDER = Kind("delivery-order", 30 * 86_400, "a sorted set: which of them are oldest; as themselves")
DEAD_LETTERS = Kind("dead-letters", 30 * 86_400, "a sorted set: those that were given up; as themselves")
WEBHOOK_FAULTS = Kind("webhook-faults", 30 * 86_400, "a hash: since when a watch's receiver fails; as its deliveries")

LEDGER = Kind(
    "ledger", 3_600, "a hash: what a run is about to charge; after 3 minutes nothing of it is charged any more"
)
BILLED_MATCHES = Kind("billed-match", 35 * 86_400, "a match that is charged; outlives the match, which is kept 30 days")

KINDS = (
    LEDGER,
    BILLED_MATCHES,
    DELIVERIES,
    DELIVERY_ORDER,
    DEAD_LETTERS,
    WEBHOOK_FAULTS,
    JOBS_DUE,
    JOBS_LEASED,
    JOB_BODIES,
    QUOTAS,
    USAGE,
    USERS_OF_DAY,
    ALERTS,
    CACHE_ONLY,
    CALL_WINDOWS,
    CALL_DAYS,
    CALLERS_SEEN,
    WATCHES,
    WATCH_CHECKS,
    WATCH_PROGRESS,
    WATCH_MATCHES,
    MATCH_BODIES,
    UNDELIVERED,
    CANDIDATES,
    BASELINES,
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
    LEASES,
    BUDGET_WINDOW,
    BUDGET_STATE,
    BUDGET_REPLICAS,
    TICKETS,
)


def may_stay(key: str, prefix: str) -> bool:
    """Whether this key is of a kind that is meant to live without an expiry."""
    return any(key.startswith(f"{prefix}{kind.name}:") for kind in KINDS if kind.ttl is None)
