"""The public keys of an OAuth issuer: found by its metadata, kept in this process, fetched rarely and within limits.

Metadata: RFC 8414, section 3, and OpenID Connect Discovery 1.0, section 4. Keys: RFC 7517.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import jwt
import orjson

from reddit_mcp.bounded_body import ACCEPTED, Body
from reddit_mcp.errors import Unavailable
from reddit_mcp.observability.logs import logger

ALGORITHMS = ("RS256", "ES256")
FETCH_SECONDS = 5.0
"""All that a fetch may take."""

LARGEST_ANSWER = 262_144
FRESH_SECONDS = 600.0
"""Keys are fetched anew after this time: what an issuer withdraws is refused then."""

OUTAGE_SECONDS = 3_600.0
"""While the issuer is away, its keys are believed this long after they were fetched."""

PAUSE_SECONDS = 30.0
"""Between two fetches for keys that the issuer does not have: anybody can invent names of keys."""

RETRY_SECONDS = 5.0
"""Between two fetches while the issuer is away."""

SigningKeys = dict[str | None, jwt.PyJWK]

_log = logger(__name__)


class IssuerKeys:
    """The keys of one issuer.

    Args:
        issuer: its address, as in `iss`.
        http: asks it.
        monotonic: seconds of a clock that never jumps.
    """

    def __init__(self, issuer: str, http: httpx.AsyncClient, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._http = http
        self._monotonic = monotonic
        self._keys: SigningKeys = {}
        self._fetched = float("-inf")
        self._next = float("-inf")
        self._away = False
        self._one_at_a_time = asyncio.Lock()

    async def find(self, name: str | None) -> jwt.PyJWK | None:
        """The key of this name (`kid`); None when the issuer has none.

        Raises:
            Unavailable: the issuer does not answer, and the key is not known here.
        """
        if not self._is_known(name, FRESH_SECONDS):
            async with self._one_at_a_time:
                if not self._is_known(name, FRESH_SECONDS) and self._monotonic() >= self._next:
                    await self._fetch()
        if self._is_known(name, OUTAGE_SECONDS):
            return self._keys[name]
        if self._away:
            raise _away()
        return None

    def _is_known(self, name: str | None, seconds: float) -> bool:
        return name in self._keys and self._monotonic() - self._fetched < seconds

    async def _fetch(self) -> None:
        self._next = self._monotonic() + RETRY_SECONDS
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                keys = await self._all_keys()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, KeyError, TypeError) as error:
            self._away = True
            _log.error("oauth_issuer_away", error=type(error).__name__)
            return
        self._keys, self._fetched, self._away = keys, self._monotonic(), False
        self._next = self._fetched + PAUSE_SECONDS

    async def _all_keys(self) -> SigningKeys:
        metadata = await self._metadata()
        if metadata["issuer"] != self._issuer:  # RFC 8414, section 3.3
            raise ValueError("the metadata are another issuer's")
        place = str(metadata["jwks_uri"])
        if urlsplit(place).scheme != urlsplit(self._issuer).scheme:
            raise ValueError("the keys would come over a lesser connection")
        found = await self._json(place)
        return dict(entry for each in found["keys"] if (entry := _signing_key(each)))

    async def _metadata(self) -> Any:
        """By OpenID Connect's path, else by OAuth's."""
        try:
            return await self._json(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        except httpx.HTTPStatusError:
            place = urlsplit(self._issuer)
            path = "/.well-known/oauth-authorization-server" + place.path.rstrip("/")
            return await self._json(urlunsplit(place._replace(path=path)))

    async def _json(self, url: str) -> Any:
        headers = {"accept": "application/json", "accept-encoding": ACCEPTED}
        async with self._http.stream("GET", url, headers=headers) as answer:
            answer.raise_for_status()
            body = Body(answer.headers, LARGEST_ANSWER)
            async for part in answer.aiter_raw():  # httpx would unpack a part of it whole, into however much
                body.feed(part)
        return orjson.loads(body.content)


def _signing_key(found: Any) -> tuple[str | None, jwt.PyJWK] | None:
    """A key that may sign tokens, by its name; others stand in the same list."""
    try:
        key = jwt.PyJWK(found)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return None
    usable = key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig")
    return (key.key_id, key) if usable else None


def _away() -> Unavailable:
    return Unavailable(
        "The issuer of your token does not answer, so it cannot be checked; try again in a few seconds.",
        service="oauth_issuer",
        reason="issuer_away",
        retry_after_seconds=RETRY_SECONDS,
    )
