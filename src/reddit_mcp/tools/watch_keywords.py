"""watch_keywords: be told when somebody mentions a word."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from reddit_mcp.errors import Forbidden, Unavailable
from reddit_mcp.models import AlertThreshold, Watch
from reddit_mcp.settings import NO_DURABLE_STORE
from reddit_mcp.storage.watches.watch_store import new_watch_id
from reddit_mcp.tools.declaration import wire_schema
from reddit_mcp.tools.declaration.argument_errors import argument_error
from reddit_mcp.tools.declaration.argument_types import After, Community, clean, harmless
from reddit_mcp.tools.declaration.tool_spec import Call, Json, tool
from reddit_mcp.watches.webhooks.address_check import Refused

MATCHES_PER_PAGE = 25

Action = Annotated[
    Literal["create", "list", "matches", "pause", "resume", "delete"],
    Field(description="create needs keywords; matches, pause, resume and delete need watch_id"),
]
Keyword = Annotated[
    str,
    Field(min_length=1, max_length=100),
    BeforeValidator(clean),
    AfterValidator(harmless),
    AfterValidator(str.casefold),
]
Keywords = Annotated[list[Keyword], Field(max_length=10, description="1 to 10 words or phrases")]
Subreddits = Annotated[list[Community], Field(max_length=20, description="Communities; empty = all of Reddit")]
Threshold = Annotated[
    AlertThreshold, Field(description="any mention, or only posts with high_engagement or going viral")
]
Interval = Annotated[int, Field(ge=5, le=1440, description="Minutes between checks")]
WebhookUrl = Annotated[
    str, Field(max_length=2000, description="https address that is told of each match"), BeforeValidator(clean)
]
WatchId = Annotated[
    str, Field(max_length=40, pattern=r"^[A-Za-z0-9_-]*$", description="A watch's id"), BeforeValidator(clean)
]


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments of one call."""

    keywords: list[str]
    subreddits: list[str]
    alert_threshold: AlertThreshold
    check_interval: int
    webhook_url: str
    watch_id: str
    after: str


@tool(
    title="Watch keywords",
    output={
        "watch": wire_schema.OBJECT,
        "watches": wire_schema.ITEMS,
        "matches": wire_schema.ITEMS,
        "after": wire_schema.CURSOR,
    },
    optional=("watch", "watches", "matches", "after"),
    read_only=False,
    idempotent=False,
    destructive=True,
)
async def watch_keywords(
    call: Call,
    action: Action,
    keywords: Keywords = [],  # noqa: B006 - published as the default and never changed
    subreddits: Subreddits = [],  # noqa: B006
    alert_threshold: Threshold = "high_engagement",
    check_interval: Interval = 15,
    webhook_url: WebhookUrl = "",
    watch_id: WatchId = "",
    after: After = "",
) -> Json:
    """Watch Reddit for keywords: create a watch, list yours, read its matches, pause, resume or delete it."""
    request = Request(keywords, subreddits, alert_threshold, check_interval, webhook_url, watch_id, after)
    if not call.caller.shared:
        tier = call.services.tiers.named(call.caller.tier)  # which may be another than when the watches were made
        await call.services.watches.fit(call.caller.id, tier.watches, tier.shortest_interval)
    _mention_unused(call, action, request)
    return await ACTIONS[action](call, request)


def _mention_unused(call: Call, action: str, request: Request) -> None:
    """Say which arguments were given that this action does not use."""
    given = {name for name, value in asdict(request).items() if value != UNUSED[name]}
    if unused := sorted(given - USED[action]):
        call.say(f"{', '.join(unused)} {'does' if len(unused) == 1 else 'do'} not count for the action {action}.")


def _check_may_keep(call: Call) -> None:
    if not call.services.durable:
        raise Unavailable(NO_DURABLE_STORE, service="redis", reason="no_durable_store")
    if call.caller.shared:
        raise Forbidden("A keyword watch needs an owner: send your own API key in the header `X-API-Key`.")


async def _create(call: Call, request: Request) -> Json:
    _check_may_keep(call)
    if not request.keywords:
        raise argument_error("keywords", "is required to create a watch", "1 to 10 words or phrases")
    tier = call.services.tiers.named(call.caller.tier)
    if request.check_interval < tier.shortest_interval:
        allowed = f"a whole number from {tier.shortest_interval} to 1440 in your tier"
        raise argument_error("check_interval", "is too small", allowed)
    secret, sealed = await _webhook(call, request.webhook_url)
    now = int(call.services.clock())
    watch = Watch(
        watch_id=new_watch_id(),
        owner=call.caller.id,
        keywords=tuple(dict.fromkeys(request.keywords)),
        subreddits=tuple(dict.fromkeys(request.subreddits)),
        alert_threshold=request.alert_threshold,
        check_interval=request.check_interval,
        webhook_url=request.webhook_url or None,
        webhook_secret=sealed,
        created_utc=now,
        next_check_utc=now,
    )
    await call.services.watches.create(watch, limit=tier.watches)
    await call.services.poll_soon()
    return {"watch": shown(watch) | ({"webhook_secret": secret} if secret else {})}


async def _webhook(call: Call, url: str) -> tuple[str | None, str | None]:
    """The signing secret, which is shown this once, and the same sealed; none without an address."""
    if not url:
        return None, None
    try:
        return await call.services.receivers.admit(url)
    except Refused as reason:
        raise argument_error("webhook_url", str(reason), "an https address on the public Internet") from None


async def _list(call: Call, _request: Request) -> Json:
    return {"watches": [shown(watch) for watch in await call.services.watches.list(call.caller.id)]}


async def _matches(call: Call, request: Request) -> Json:
    watch = await call.services.watches.get(call.caller.id, _required_id(request))
    page = await call.services.watches.matches(call.caller.id, watch.watch_id, request.after, MATCHES_PER_PAGE)
    matches = [match.model_dump(mode="json") for match in page.matches]
    call.untrusted = bool(matches)
    if watch.webhook_url is None:
        return {"watch": shown(watch), "matches": matches, "after": page.after}
    receivers = call.services.receivers
    told = await receivers.deliveries(watch.watch_id, [match["match_id"] for match in matches])
    matches = [match | ({"delivery": told[name]} if (name := match["match_id"]) in told else {}) for match in matches]
    return {"watch": shown(watch) | {"webhook": await receivers.health(watch)}, "matches": matches, "after": page.after}


async def _pause(call: Call, request: Request) -> Json:
    return {"watch": shown(await call.services.watches.set_status(call.caller.id, _required_id(request), "paused"))}


async def _resume(call: Call, request: Request) -> Json:
    limit = call.services.tiers.named(call.caller.tier).watches
    watch = await call.services.watches.resume(call.caller.id, _required_id(request), limit)
    await call.services.receivers.restart(watch.watch_id)
    await call.services.poll_soon()
    return {"watch": shown(watch)}


async def _delete(call: Call, request: Request) -> Json:
    watch = await call.services.watches.get(call.caller.id, _required_id(request))
    await call.services.watches.delete(call.caller.id, watch.watch_id)
    await call.services.receivers.forget(watch.watch_id)
    return {"watch": {**shown(watch), "status": "deleted"}}


def _required_id(request: Request) -> str:
    if not request.watch_id:
        raise argument_error("watch_id", "is required for this action", "the watch_id that create or list returned")
    return request.watch_id


def shown(watch: Watch) -> Json:
    """The watch as its owner sees it."""
    unset = {name for name in ("gap", "pause_reason", "unreadable") if not getattr(watch, name)}
    return watch.model_dump(mode="json", exclude={"owner", "webhook_secret", *unset})


UNUSED = asdict(Request([], [], "high_engagement", 15, "", "", ""))
"""Each argument as it is when nobody gives it."""

USED: dict[str, frozenset[str]] = {
    "create": frozenset(UNUSED) - {"watch_id", "after"},
    "list": frozenset(),
    "matches": frozenset({"watch_id", "after"}),
    **dict.fromkeys(("pause", "resume", "delete"), frozenset({"watch_id"})),
}
"""The arguments that count for each action."""

ACTIONS: dict[str, Callable[[Call, Request], Awaitable[Json]]] = {
    "create": _create,
    "list": _list,
    "matches": _matches,
    "pause": _pause,
    "resume": _resume,
    "delete": _delete,
}
