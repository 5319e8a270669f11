"""watch_keywords: be told when somebody mentions a word."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from reddit_mcp.models import AlertThreshold, Watch
from reddit_mcp.storage.watches import new_watch_id
from reddit_mcp.tools import _schema
from reddit_mcp.tools._invalid import refused
from reddit_mcp.tools._tool import Call, Json, tool
from reddit_mcp.tools._types import After, Community, clean, harmless

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
Keywords = Annotated[list[Keyword], Field(max_length=10, description="1 to 10 words or phrases to watch for")]
Subreddits = Annotated[list[Community], Field(max_length=20, description="Communities to watch; empty = all of Reddit")]
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


@tool(
    title="Watch keywords",
    output={"watch": _schema.OBJECT, "watches": _schema.ITEMS, "matches": _schema.ITEMS, "after": _schema.CURSOR},
    optional=("watch", "watches", "matches", "after"),
    read_only=False,
    idempotent=False,
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
    after: After = "",  # noqa: ARG001 - the cursor of matches
) -> Json:
    """Watch Reddit for keywords: create a watch, list yours, read its matches, pause, resume or delete it."""
    request = Request(keywords, subreddits, alert_threshold, check_interval, webhook_url, watch_id)
    return await ACTIONS[action](call, request)


async def _create(call: Call, request: Request) -> Json:
    if not request.keywords:
        raise refused("keywords", "is required to create a watch", "1 to 10 words or phrases")
    tier = call.services.tiers.named(call.caller.tier)
    if request.check_interval < tier.shortest_interval:
        allowed = f"a whole number from {tier.shortest_interval} to 1440 in your tier"
        raise refused("check_interval", "is too small", allowed)
    now = int(call.services.clock())
    watch = Watch(
        watch_id=new_watch_id(),
        owner=call.caller.id,
        keywords=tuple(dict.fromkeys(request.keywords)),
        subreddits=tuple(dict.fromkeys(request.subreddits)),
        alert_threshold=request.alert_threshold,
        check_interval=request.check_interval,
        webhook_url=_webhook(request.webhook_url),
        created_utc=now,
        next_check_utc=now,
    )
    await call.services.watches.create(watch, limit=tier.watches)
    return {"watch": shown(watch)}


def _webhook(url: str) -> str | None:
    if not url:
        return None
    try:
        address = urlsplit(url)
        plain = address.scheme == "https" and address.hostname and not address.username
    except ValueError:
        plain = False
    if not plain:
        raise refused("webhook_url", "is not an address this server may call", "an https address with a host name")
    return url


async def _list(call: Call, _request: Request) -> Json:
    return {"watches": [shown(watch) for watch in await call.services.watches.list(call.caller.id)]}


async def _matches(call: Call, request: Request) -> Json:
    watch = await call.services.watches.get(call.caller.id, _required_id(request))
    return {"watch": shown(watch), "matches": [], "after": None}


async def _pause(call: Call, request: Request) -> Json:
    return {"watch": shown(await call.services.watches.set_status(call.caller.id, _required_id(request), "paused"))}


async def _resume(call: Call, request: Request) -> Json:
    return {"watch": shown(await call.services.watches.set_status(call.caller.id, _required_id(request), "active"))}


async def _delete(call: Call, request: Request) -> Json:
    watch = await call.services.watches.get(call.caller.id, _required_id(request))
    await call.services.watches.delete(call.caller.id, watch.watch_id)
    return {"watch": {**shown(watch), "status": "deleted"}}


def _required_id(request: Request) -> str:
    if not request.watch_id:
        raise refused("watch_id", "is required for this action", "the watch_id that create or list returned")
    return request.watch_id


def shown(watch: Watch) -> Json:
    """The watch as its owner sees it."""
    return watch.model_dump(mode="json", exclude={"owner"})


ACTIONS: dict[str, Callable[[Call, Request], Awaitable[Json]]] = {
    "create": _create,
    "list": _list,
    "matches": _matches,
    "pause": _pause,
    "resume": _resume,
    "delete": _delete,
}
