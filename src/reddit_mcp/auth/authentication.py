"""Who is calling: the second layer of a request, between the envelope and the protocols."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reddit_mcp.auth.failed_lookups import FailedLookups
from reddit_mcp.auth.oauth_tokens import OAuthTokens, is_token
from reddit_mcp.errors import Failure, Forbidden, Unauthenticated, Unavailable
from reddit_mcp.http.error_responses import CHALLENGE, refusal
from reddit_mcp.http.middleware.client_address import anonymous_id, client_address
from reddit_mcp.models import LOCAL, Caller
from reddit_mcp.settings import Settings
from reddit_mcp.storage.api_keys.api_key import ApiKey
from reddit_mcp.storage.api_keys.keyring import Keyring, Verified
from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets

OPEN = frozenset("/ /privacy /terms /support /favicon.ico /icon.png /robots.txt /mcp/server-card".split())
OPEN_BELOW = ("/health", "/.well-known/", "/static/")
NOTICE_SECONDS = 14 * 86_400
"""A caller hears of the end of a key this long before."""

HOW = (
    "This server wants an API key: send one that is valid as `Authorization: Bearer <key>` or in the header "
    "`X-API-Key`. Its operator hands them out."
)

HOW_WITH_TOKENS = (
    "This server wants a token of its OAuth issuer as `Authorization: Bearer <token>`, or an API key there or in the "
    "header `X-API-Key`; what came is missing or not valid."
)

HOW_ON_APIFY = (
    "The header `X-API-Key` of this request holds no valid API key: send one of this server's operator, or none, "
    "to be served as the Apify account."
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A caller who may come in; `ends_utc` is when the key stops working.

    Attributes:
        confirmed: False while Redis is away and the key is accepted on memory alone.
    """

    caller: Caller
    ends_utc: int | None = None
    confirmed: bool = True


class Authenticator:
    """Decides who may come in.

    Args:
        account: who calls without a key where AUTH_MODE is apify.
        tokens: verifies an OAuth issuer's tokens, where one is set.

    Raises:
        Unavailable: the settings would serve everybody on an address that others reach, and do not say so twice; or
            they name an account, and there is none.
    """

    def __init__(
        self,
        settings: Settings,
        secrets: MasterSecrets,
        keyring: Keyring,
        account: Caller | None = None,
        tokens: OAuthTokens | None = None,
    ) -> None:
        self._by_keys = settings.authentication != "none"
        self._account = account
        self._tokens = tokens
        if settings.authentication == "apify" and account is None:
            raise Unavailable("AUTH_MODE=apify is for runs on the Apify platform: use `mcp-for-reddit actor` there.")
        self._local = settings.on_loopback
        self._strangers = settings.allow_anonymous
        self._lists = settings.list_without_key
        if not (self._by_keys or self._local or self._strangers):
            raise Unavailable(
                f"Refusing to serve everybody on {settings.mcp_server_host}: set AUTH_MODE=api_key, "
                "or ALLOW_ANONYMOUS=1 to serve strangers in the anonymous tier."
            )
        self._trusted = settings.trusted_networks
        self._secret = secrets.derive("client address")[0]
        self._keyring = keyring
        self._failed = FailedLookups()

    async def admit(self, scope: Scope) -> Admitted:
        """The caller of a request.

        Raises:
            Unauthenticated: the key or token is missing, not valid, or one of two different ones.
            RateLimited: too many keys that do not work came from this address.
            Unavailable: Redis is away, and the key is not known here; or the token's issuer is.
        """
        if not self._by_keys:
            return Admitted(LOCAL if self._local else self._stranger(scope, operator=True))
        keys = presented(Headers(scope=scope))
        if not keys and self._account:
            return Admitted(self._account)
        if not keys and self._strangers:
            return Admitted(self._stranger(scope))
        if len(keys) != 1:
            raise Unauthenticated(self._how)
        credential = keys.pop()
        if self._tokens and is_token(credential):
            return Admitted(await self._by_token(self._tokens, credential, scope))
        verified = await self._verified(credential, scope)
        caller = _caller(verified.record)
        return Admitted(caller, verified.record.ends_utc, verified.confirmed)

    def visitor(self, scope: Scope) -> Admitted | None:
        """A stranger where strangers are not served; None where even the lists are closed, or a credential came."""
        if not self._lists or presented(Headers(scope=scope)):
            return None
        return Admitted(self._stranger(scope))

    async def _verified(self, key: str, scope: Scope) -> Verified:
        if self._keyring.knows(key):
            return self._valid(await self._keyring.verify(key))
        async with self._failed.attempt(client_address(scope, self._trusted)):
            return self._valid(await self._keyring.verify(key))

    async def _by_token(self, tokens: OAuthTokens, token: str, scope: Scope) -> Caller:
        if known := tokens.known(token):
            return known
        async with self._failed.attempt(client_address(scope, self._trusted)):
            caller = await tokens.verify(token)
            if caller is None:
                raise Unauthenticated(self._how)
            return caller

    def _valid(self, verified: Verified | None) -> Verified:
        if verified is None:
            raise Unauthenticated(self._how)
        return verified

    @property
    def _how(self) -> str:
        if self._account:
            return HOW_ON_APIFY
        return HOW_WITH_TOKENS if self._tokens else HOW

    def _stranger(self, scope: Scope, *, operator: bool = False) -> Caller:
        """An anonymous caller; the operator's pages are open to all where AUTH_MODE is none."""
        name = anonymous_id(client_address(scope, self._trusted), self._secret)
        return Caller(id=name, tier="anonymous", role="operator" if operator else "user")


class Authentication:
    """Puts the caller into the scope, or answers 401.

    Args:
        gate: gives the gate once the application is open.
        challenge: the `WWW-Authenticate` of a 401.
    """

    def __init__(self, app: ASGIApp, gate: Callable[[], Authenticator | None], challenge: str = CHALLENGE) -> None:
        self._app = app
        self._gate = gate
        self._challenge = challenge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on in its caller's name."""
        if scope["type"] != "http" or _is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            admitted = await self._admit(scope)
        except Failure as failure:
            refused = refusal(failure, scope.get("request_id", ""), self._challenge)
            visitor = self._visitor(scope, failure)
            if visitor is None:
                await refused(scope, receive, send)
                return
            admitted, scope["visitor"] = visitor, refused
            scope["quota"] = {"nearest": None}  # no quota, no look-up for its headers
        scope["caller"], scope["admitted"] = admitted.caller, admitted
        # The SDK binds the sessions of `/sse` to this principal: for anybody else they do not exist.
        scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=admitted.caller.id, scopes=[]))
        await self._app(scope, receive, send if admitted.ends_utc is None else _dated(send, admitted.ends_utc))

    def _visitor(self, scope: Scope, failure: Failure) -> Admitted | None:
        """Who came without a key, and may read the lists of the server; the transport refuses all else."""
        gate = self._gate()
        is_message = scope["method"] == "POST" and scope["path"].rstrip("/") == "/mcp"
        if gate is None or not is_message or not isinstance(failure, Unauthenticated):
            return None
        return gate.visitor(scope)

    async def _admit(self, scope: Scope) -> Admitted:
        gate = self._gate()
        if gate is None:
            raise Unavailable("The server is starting; try again.", reason="starting", retry_after_seconds=1)
        return await gate.admit(scope)


Endpoint = Callable[[Request], Awaitable[Response]]


def operator_only(endpoint: Endpoint) -> Endpoint:
    """The endpoint for operators alone; everybody is one where AUTH_MODE is none."""

    async def guarded(request: Request) -> Response:
        admitted: Admitted = request.scope["admitted"]
        if admitted.caller.role != "operator":
            failure: Failure = Forbidden("This page is for the operator: send a key of the role `operator`.")
        elif not admitted.confirmed:  # it may have been revoked since
            failure = Unavailable("The store cannot confirm your key now.", service="redis", retry_after_seconds=1)
        else:
            return await endpoint(request)
        return refusal(failure, request.scope.get("request_id", ""))

    return guarded


def presented(headers: Headers) -> set[str]:
    """The different keys that a request carries."""
    keys = set(headers.getlist("x-api-key"))
    for value in headers.getlist("authorization"):
        scheme, _, key = value.partition(" ")
        if scheme.lower() == "bearer":
            keys.add(key.strip())
    return keys


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_BELOW)


def _caller(record: ApiKey) -> Caller:
    return Caller(id=record.user, tier=record.tier, role=record.role, key_id=record.id, notice=_notice(record))


def _notice(record: ApiKey) -> str | None:
    end = record.ends_utc
    if end is None:
        return None
    if record.rotated_to:
        return f"This API key was replaced and stops working at {_time(end)}; ask the operator for its successor."
    near = end - datetime.now(UTC).timestamp() < NOTICE_SECONDS
    return f"This API key expires at {_time(end)}; ask the operator for a new one." if near else None


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _dated(send: Send, ends_utc: int) -> Send:
    async def dated(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["X-API-Key-Expires"] = _time(ends_utc)
        await send(message)

    return dated
