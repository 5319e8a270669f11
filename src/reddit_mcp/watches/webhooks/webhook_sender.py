"""Sending one webhook: signed, to a checked address, within one deadline.

The form is that of Standard Webhooks (https://www.standardwebhooks.com): the receiver proves with the watch's secret
that we wrote it, and knows by `webhook-id` that it has seen it before.
"""

import asyncio
import contextlib
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpx
from standardwebhooks import Webhook

from reddit_mcp import __version__
from reddit_mcp.errors import DeadlineExceeded, Unavailable, UpstreamError
from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.upstream.resilience.bulkhead import Bulkhead
from reddit_mcp.watches.webhooks.address_check import IP, AddressCheck, Refused, Target, host_of

DEADLINE_SECONDS = 10.0
"""From the look-up of the host to the head of the answer, however slowly it drips."""

PLACES = 4
"""Sendings at once in a process: fewer than it has places for jobs, so that hanging receivers delay no poll."""

PLACES_OF_HOST = 2
"""Of these for one host, so that a receiver that hangs leaves places for the others'."""

MOST_IPS, CONNECT_SECONDS = 4, 2.0
"""How many of a host's IPs are tried, and how long each but the last may take to accept the connection."""

GONE = 410
RETRY_AFTER_STATUSES = (429, 503)


class NotDelivered(Exception):
    """The receiver did not take it; the text says why, for the watch's owner.

    Attributes:
        retry_after: seconds that the receiver asks to be left alone, or None.
        final: no further attempt makes sense.
        sent: whether it was tried at all.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, final: bool = False, sent: bool = True
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.final = final
        self.sent = sent


class WebhookSender:
    """Sends webhooks; an async context manager that closes its connections.

    Args:
        addresses: decides what may be called, at every sending anew.
        breakers: one for each receiving host.
        deadline: seconds one sending may take.
        tls: whom to trust; None = the public authorities.
        clock: seconds since 1970, as the receiver knows them: it refuses signatures of another time.
    """

    def __init__(
        self,
        addresses: AddressCheck,
        breakers: BreakerRegistry,
        *,
        deadline: float = DEADLINE_SECONDS,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._addresses = addresses
        self._breakers = breakers
        self._deadline = deadline
        self._clock = clock
        self.places = Bulkhead("webhooks", PLACES, max_waiting=0)
        self._hosts: Counter[str] = Counter()
        # The bare transport: no redirects, no cookies, no proxies or passwords from the environment. No connection is
        # kept, for the next host on the same IP would get one whose certificate was checked for another name.
        self._transport = httpx.AsyncHTTPTransport(
            verify=tls or httpx.create_ssl_context(trust_env=False),
            trust_env=False,
            limits=httpx.Limits(max_connections=PLACES, max_keepalive_connections=0),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.aclose()

    @contextlib.contextmanager
    def place(self, url: str) -> Iterator[bool]:
        """Keep a place for sending to this address inside the context; gives False where none is free."""
        host = self._host(url)
        if not self.places.free or self._hosts[host] >= PLACES_OF_HOST:
            self.places.refused += 1
            yield False
            return
        started = time.monotonic()
        self.places.enter()
        self._hosts.update([host])
        try:
            yield True
        finally:
            self._hosts -= Counter([host])
            self.places.leave(time.monotonic() - started)

    async def send(self, url: str, message_id: str, body: str, secret: str) -> None:
        """Send it once, in a place that the caller keeps.

        Raises:
            NotDelivered: the receiver did not say 2xx.
        """
        now = self._clock()
        headers = signed(message_id, body, secret, now)
        try:
            host = host_of(self._addresses.parse(url))
            async with self._breakers.get(f"webhook:{host}").guard():
                response = await self._post(url, host, headers, body)
        except Refused as refused:
            raise NotDelivered(f"webhook_url {refused}") from None
        except (UpstreamError, DeadlineExceeded) as failure:
            raise NotDelivered(str(failure), retry_after=failure.data.get("retry_after_seconds")) from failure
        except Unavailable as failure:  # its breaker is open
            wait = failure.data.get("retry_after_seconds")
            raise NotDelivered(str(failure), retry_after=wait, sent=False) from failure
        _accepted(response, now)

    def _host(self, url: str) -> str:
        """The host of an address; nothing where it has none and will be refused."""
        try:
            return host_of(self._addresses.parse(url))
        except Refused:
            return ""

    async def _post(self, url: str, host: str, headers: Mapping[str, str], body: str) -> httpx.Response:
        """The receiver's answer, without its body: the status says all.

        Raises:
            Refused: the address leads where it must not.
            UpstreamError: the receiver cannot be reached, or answered 5xx.
            DeadlineExceeded: it did not answer in time.
        """
        try:
            async with asyncio.timeout(self._deadline):
                target = await self._addresses.check(url)
                response = await self._ask(target, host, headers, body)
                await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            sentence = f"The receiver did not answer within {self._deadline:g} seconds."
            raise DeadlineExceeded(sentence, operation="webhook", timeout=self._deadline) from None
        except httpx.HTTPError as error:
            raise UpstreamError(f"The receiver cannot be reached: {type(error).__name__}.") from error
        if response.is_server_error:
            wait = retry_after(response, self._clock())
            raise UpstreamError(f"The receiver answered {response.status_code}.", retry_after_seconds=wait)
        return response

    async def _ask(self, target: Target, host: str, headers: Mapping[str, str], body: str) -> httpx.Response:
        """The answer of the first of the checked IPs that can be connected to; none is sent anything before that."""
        *others, last = target.ips[:MOST_IPS]
        for ip in others:
            with contextlib.suppress(httpx.ConnectError, httpx.ConnectTimeout):
                request = _request(target.url, ip, host, headers, body, connect=CONNECT_SECONDS)
                return await self._transport.handle_async_request(request)
        return await self._transport.handle_async_request(_request(target.url, last, host, headers, body))


def _request(
    url: httpx.URL, ip: IP, host: str, headers: Mapping[str, str], body: str, *, connect: float | None = None
) -> httpx.Request:
    """Addressed to the checked IP; the Host header and the certificate's name stay those of the address."""
    timeouts = {"connect": connect, "read": None, "write": None, "pool": None}  # one deadline covers them all
    extensions = {"sni_hostname": host, "timeout": timeouts}
    request = httpx.Request("POST", url, headers=headers, content=body.encode(), extensions=extensions)
    request.url = url.copy_with(host=str(ip))
    return request


def signed(message_id: str, body: str, secret: str, now: float) -> dict[str, str]:
    """The headers of a message.

    Args:
        message_id: the same for every sending of it; without a full stop.
        body: what is sent, to the byte.
        secret: `whsec_` and base64.
        now: seconds since 1970.
    """
    moment = datetime.fromtimestamp(int(now), UTC)
    return {
        "content-type": "application/json",
        "user-agent": f"reddit-mcp/{__version__}",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": Webhook(secret).sign(message_id, moment, body),
    }


def retry_after(response: httpx.Response, now: float) -> float | None:
    """Seconds that the receiver asks to be left alone (RFC 9110, 10.2.3: seconds or a date)."""
    text = response.headers.get("retry-after", "").strip()
    if response.status_code not in RETRY_AFTER_STATUSES or not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _accepted(response: httpx.Response, now: float) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status == GONE:
        raise NotDelivered("The receiver answered 410: it wants no more of them.", final=True)
    if response.has_redirect_location or response.is_redirect:
        raise NotDelivered(f"The receiver answered {status}; redirects are not followed.")
    raise NotDelivered(f"The receiver answered {status}.", retry_after=retry_after(response, now))
