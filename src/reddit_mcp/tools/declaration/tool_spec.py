"""How a tool is declared: a flat async function whose signature is the contract, bound to its services late."""

import functools
import inspect
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import orjson
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata, func_metadata
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import ConfigDict, PrivateAttr, model_validator

from reddit_mcp.errors import Failure
from reddit_mcp.models import LOCAL, Caller, Value
from reddit_mcp.storage.watches.watch_store import WatchStore
from reddit_mcp.tiers import Tiers
from reddit_mcp.tools.declaration import wire_schema
from reddit_mcp.tools.declaration.argument_forms import tolerant
from reddit_mcp.tools.results.answer_size import bounded
from reddit_mcp.tools.results.answer_totals import AnswerTotals
from reddit_mcp.tools.results.field_choice import Fields, chosen
from reddit_mcp.tools.results.listing_positions import ListingPositions
from reddit_mcp.tools.results.rendered import Rendered
from reddit_mcp.upstream.client import Reddit
from reddit_mcp.upstream.source import Answer, Source, SourceName
from reddit_mcp.upstream.source_switch import ActiveSource
from reddit_mcp.watches.webhooks.webhook_receivers import WebhookReceivers

T = TypeVar("T", bound=Value)
Json = dict[str, Any]


async def _nothing() -> None:
    """Nobody checks watches here."""


@dataclass(frozen=True, slots=True)
class Services:
    """What tools work with, opened and closed by the application.

    Attributes:
        reddit_remaining: requests that Reddit says are left in its window.
        findings: where finished trends and moods come from.
        active: who answers now.
        receivers: of the watches' webhooks.
        clock: seconds since 1970.
        poll_soon: has due watches checked at once.
        durable: whether what is stored outlives the process.
        positions: of the pages of listings that were handed out.
    """

    reddit: Reddit
    watches: WatchStore
    findings: Source
    tiers: Tiers
    reddit_remaining: Callable[[], int | None]
    active: ActiveSource
    receivers: WebhookReceivers
    clock: Callable[[], float] = time.time
    poll_soon: Callable[[], Awaitable[None]] = _nothing
    durable: bool = True
    positions: ListingPositions = field(default_factory=ListingPositions)


@dataclass(slots=True)
class Call:
    """One call of a tool: its services, and the account of what it took.

    Attributes:
        events: what it did beside answering that an operator may bill by its name.
        untrusted: whether the answer holds strangers' text that was not taken from Reddit just now.
    """

    services: Services
    context: Context[Any, Any]
    caller: Caller = LOCAL
    rate_limit_remaining: int | None = None
    notice: str | None = None
    events: list[str] = field(default_factory=list)
    untrusted: bool = False
    _started: float = field(default_factory=time.perf_counter)
    _account: AnswerTotals = field(default_factory=AnswerTotals)
    _lost: list[Failure] = field(default_factory=list)
    _told: int = 0

    def take(self, answer: Answer[T]) -> T:
        """Book an answer of Reddit's and hand its value on."""
        return self._account.take(answer)

    def do_without(self, failure: Failure) -> None:
        """Book a part that could not be had: the answer goes without it, and says so."""
        self._lost.append(failure)

    def learnt_from(self, failure: Failure) -> None:
        """Book the requests of a failure that told what was asked."""
        self._told += failure.calls

    @property
    def requests(self) -> int:
        """Requests that Reddit received for this call so far."""
        return self._account.calls + self._told + sum(failure.calls for failure in self._lost)

    def say(self, sentence: str) -> None:
        """Add a sentence to the answer's notice."""
        self.notice = f"{self.notice} {sentence}" if self.notice else sentence

    @property
    def source(self) -> SourceName:
        """Who answered; an archive server that is asked as Reddit says so itself."""
        name = self._account.source or self.services.active.name
        return "archive" if name == "reddit" and self._account.span else name

    @property
    def is_archive(self) -> bool:
        """Whether an archive answers, and not Reddit."""
        return self.source != "reddit"

    def metadata(self) -> Json:
        """How the answer was come by; every success says so."""
        account, span, source = self._account, self._account.span, self.source
        facts: Json = {
            "cached": account.cached,
            "stale": account.stale,
            "cache_age_seconds": int(account.age),
            "ttl": account.ttl,
            "rate_limit_remaining": self.rate_limit_remaining,
            "reddit_rate_limit_remaining": self.services.reddit_remaining(),
            "execution_time_ms": round((time.perf_counter() - self._started) * 1000),
            "reddit_api_calls": self.requests,
            "source": source,
        }
        if account.answered or self.untrusted:
            facts["untrusted_content"] = True
        if span:
            facts["archive_from"], facts["archive_to"] = span
        lost = next((f"A part is missing: {lost}" for lost in self._lost), None)
        if degraded := " ".join(filter(None, (account.limits, account.degraded or lost))):
            facts["degraded"] = degraded
        invented = f"This is invented sample data, for {self.services.active.why}." if source == "sample" else None
        if notice := " ".join(filter(None, (invented, self.notice, self.caller.notice))):
            facts["notice"] = notice
        return facts


Handler = Callable[..., Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a value: listed, documented and tested without a server."""

    handler: Handler
    title: str
    output: Json
    optional: tuple[str, ...] = ()
    read_only: bool = True
    idempotent: bool = True
    open_world: bool = True
    destructive: bool = False

    @property
    def name(self) -> str:
        """The name on the wire."""
        return self.handler.__name__

    def bind(self, services: Services) -> Tool:
        """The SDK's tool, working with these services."""
        handler = choosing(self.handler) if self.read_only else self.handler
        metadata = func_metadata(handler, skip_names=["call"], structured_output=False)
        metadata.arg_model = _strict(metadata)
        metadata.output_schema = wire_schema.output(self.output, self.optional)

        async def run(sdk_context: Context[Any, Any], **arguments: Any) -> CallToolResult:
            scope = scope_of(sdk_context)
            nearest = scope.get("quota", {}).get("nearest")
            left = nearest.left if nearest else None
            call = Call(services, sdk_context, scope.get("caller", LOCAL), left, events=scope.setdefault("events", []))
            return answered(await handler(call, **arguments), call.metadata())

        return Tool(
            fn=run,
            name=self.name,
            title=self.title,
            description=inspect.cleandoc(self.handler.__doc__ or ""),
            parameters=wire_schema.published(metadata.arg_model.model_json_schema(by_alias=True)),
            fn_metadata=metadata,
            is_async=True,
            context_kwarg="sdk_context",  # no argument of a tool is named so
            annotations=ToolAnnotations(
                title=self.title,
                read_only_hint=self.read_only,
                destructive_hint=self.destructive,
                idempotent_hint=self.idempotent,
                open_world_hint=self.open_world,
            ),
        )


def choosing(handler: Handler) -> Handler:
    """The same tool with `fields`, an argument of all that read."""

    @functools.wraps(handler)
    async def chosen_fields(call: Call, *, fields: Sequence[str] = (), **arguments: Any) -> Json:
        if not fields:
            return await handler(call, **arguments)
        concise = arguments.get("detail") == "concise"
        if concise:  # any field may be named, and those of a concise answer are few
            arguments["detail"] = "full"
        return chosen(await handler(call, **arguments), [*fields], shorten=concise)

    signature = inspect.signature(handler)
    added = inspect.Parameter("fields", inspect.Parameter.KEYWORD_ONLY, default=(), annotation=Fields)
    setattr(chosen_fields, "__signature__", signature.replace(parameters=[*signature.parameters.values(), added]))  # noqa: B010
    return chosen_fields


def scope_of(context: Context[Any, Any] | None) -> dict[str, Any]:
    """The ASGI scope of the request that a call came in; empty on stdio and in process."""
    try:
        request = context.request_context.request if context else None
    except ValueError:  # called in process, without a request
        request = None
    return getattr(request, "scope", {})


def _strict(metadata: FuncMetadata) -> type[ArgModelBase]:
    """The argument model, refusing unknown arguments instead of dropping them, and tolerant of the known ones' form."""
    loose = metadata.arg_model
    properties = wire_schema.published(loose.model_json_schema(by_alias=True))["properties"]

    def before(given: Any) -> Any:
        return tolerant(given, properties)

    body = {"model_config": ConfigDict(extra="forbid"), "before": model_validator(mode="before")(before)}
    return type(loose.__name__, (loose,), {**body, "__module__": loose.__module__})


def tool(*, title: str, output: Json, optional: tuple[str, ...] = (), **hints: bool) -> Callable[[Handler], ToolSpec]:
    """Declare the decorated function a tool; its docstring is what the model reads."""

    def declare(handler: Handler) -> ToolSpec:
        return ToolSpec(handler, title, output, optional, **hints)

    return declare


class ToolResult(CallToolResult):
    """A result of ours, which knows how its structured content is written."""

    _json: bytes = PrivateAttr(b"")

    @property
    def json_content(self) -> bytes:
        """The structured content as JSON."""
        return self._json

    @property
    def text(self) -> str:
        """What a model reads."""
        return cast("TextContent", self.content[0]).text


def result(content: Json, *, is_error: bool = False, sentence: str = "") -> ToolResult:
    """The same object as compact JSON text and as structured content; an error's sentence goes before its text."""
    return _written(content, orjson.dumps(content), is_error=is_error, sentence=sentence)


def answered(content: Json, metadata: Json) -> ToolResult:
    """An answer within its bound, and how it was come by; what was drawn before was bounded and written then."""
    body = content.json if isinstance(content, Rendered) else bounded(content)
    whole = b'%b%b"metadata":%b}' % (body[:-1], b"," if content else b"", orjson.dumps(metadata))
    return _written({**content, "metadata": metadata}, whole)


def _written(content: Json, body: bytes, *, is_error: bool = False, sentence: str = "") -> ToolResult:
    text = body.decode()
    text = f"{sentence}\n{text}" if sentence else text
    # its parts are ours, so there is nothing to validate
    found = ToolResult.model_construct(
        content=[TextContent.model_construct(type="text", text=text)], structured_content=content, is_error=is_error
    )
    found._json = body  # noqa: SLF001 - it is being made here
    return found
