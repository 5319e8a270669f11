"""Tokens of an OAuth issuer, accepted beside keys for hosts that speak OAuth alone (MCP specification, Authorization).

This server is a resource server: it checks tokens (RFC 9068) and says where they come from (RFC 9728).
"""

import contextlib
import hashlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
from jwt.types import Options
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from reddit_mcp.auth.issuer_keys import ALGORITHMS, IssuerKeys
from reddit_mcp.http.error_responses import CHALLENGE
from reddit_mcp.models import Caller
from reddit_mcp.settings import Settings

TRUST_SECONDS = 300.0
"""How long a verified token is not verified again, if it does not expire sooner."""

LEEWAY_SECONDS = 30
"""What the issuer's clock may be ahead or behind."""

LONGEST_TOKEN = 8_192
MOST_TOKENS = 10_000
TIER = "free"
CHECKS: Options = {
    "require": ["exp", "iss", "aud", "sub"],
    "verify_exp": True,
    "verify_nbf": True,
    "verify_iat": True,
    "verify_aud": True,
    "verify_iss": True,
    "verify_sub": True,
}
WELL_KNOWN = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    trusted_until: float


class OAuthTokens:
    """Verifies tokens.

    Args:
        issuer: the `iss` that a token must have.
        audience: the `aud`: this server's public address.
        keys: the issuer's keys.
        clock: seconds since 1970.
    """

    def __init__(self, issuer: str, audience: str, keys: IssuerKeys, clock: Callable[[], float] = time.time) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def known(self, token: str) -> Caller | None:
        """The caller of a token that was verified here within minutes and has not expired."""
        known = self._known.get(_digest(token))
        return known.caller if known and self._clock() < known.trusted_until else None

    async def verify(self, token: str) -> Caller | None:
        """The caller of a token; None for one that is forged, expired, or meant for somebody else.

        Raises:
            Unavailable: the issuer is away, and the token's key is not known here.
        """
        try:
            # What a look at the token alone refuses, the issuer is not asked about.
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS or len(token) > LONGEST_TOKEN:
                return None
            self._claims(token, None)
            key = await self._keys.find(header.get("kid"))
            if key is None or key.algorithm_name != header["alg"]:
                return None
            claims = self._claims(token, key)
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):  # claims may be any JSON
            return None
        return self._remember(token, claims)

    def _claims(self, token: str, key: jwt.PyJWK | None) -> dict[str, Any]:
        """The claims, once they are checked; without a key the signature is not."""
        claims: dict[str, Any] = jwt.decode(
            token,
            key or "",
            algorithms=ALGORITHMS,
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY_SECONDS,
            options={**CHECKS, "verify_signature": key is not None},
        )
        return claims

    def _remember(self, token: str, claims: Mapping[str, Any]) -> Caller:
        caller = Caller(id=caller_id(self._issuer, claims["sub"]), tier=TIER)
        until = min(float(claims["exp"]), self._clock() + TRUST_SECONDS)
        self._known[_digest(token)] = _Known(caller, until)
        if len(self._known) > MOST_TOKENS:
            self._known.popitem(last=False)
        return caller


@contextlib.asynccontextmanager
async def open_tokens(settings: Settings) -> AsyncIterator[OAuthTokens | None]:
    """Verifies the tokens of OAUTH_ISSUER_URL; None without one."""
    if settings.oauth.issuer_url is None or settings.oauth.audience is None:
        yield None
        return
    async with httpx.AsyncClient(follow_redirects=False) as http:
        keys = IssuerKeys(settings.oauth.issuer_url, http)
        yield OAuthTokens(settings.oauth.issuer_url, settings.oauth.audience, keys)


def is_token(credential: str) -> bool:
    """Whether it has the shape of a signed token (RFC 7515, section 3.1), which no key of ours has."""
    return credential.startswith("ey") and credential.count(".") == 2  # noqa: PLR2004 - header.payload.signature


def caller_id(issuer: str, subject: str) -> str:
    """A caller's name: the same for all tokens of a subject, and no key's, whose users have no colon in their names."""
    return f"oauth:{hashlib.sha256(chr(10).join((issuer, subject)).encode()).hexdigest()[:24]}"


def challenge(settings: Settings) -> str:
    """`WWW-Authenticate`: with an issuer, also where a client finds it (RFC 9728, section 5.1)."""
    if settings.oauth.audience is None:
        return CHALLENGE
    place = urlsplit(settings.oauth.audience)
    where = f"{place.scheme}://{place.netloc}{WELL_KNOWN}{place.path.rstrip('/')}"
    return f'{CHALLENGE}, resource_metadata="{where}"'


def metadata_routes(settings: Settings) -> list[Route]:
    """The metadata of RFC 9728 where an issuer is set, and nothing where none is: clients would try to sign in."""
    if settings.oauth.audience is None:
        return []
    content = {
        "resource": settings.oauth.audience,
        "authorization_servers": [settings.oauth.issuer_url],
        "bearer_methods_supported": ["header"],
        "resource_name": "reddit-mcp-server",
    }

    async def metadata(_request: Request) -> JSONResponse:
        return JSONResponse(content, headers={"Cache-Control": "max-age=3600"})

    paths = {WELL_KNOWN, WELL_KNOWN + "/mcp", WELL_KNOWN + urlsplit(settings.oauth.audience).path.rstrip("/")}
    return [Route(path, metadata, methods=["GET"]) for path in sorted(paths)]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
