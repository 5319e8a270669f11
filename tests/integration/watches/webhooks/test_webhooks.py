"""Sending webhooks over real sockets: who is trusted, what is followed, how long it may take."""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook

from reddit_mcp.upstream.resilience.breaker_registry import BreakerRegistry
from reddit_mcp.watches.webhooks import webhook_sender as webhooks_module
from reddit_mcp.watches.webhooks.address_check import AddressCheck, Resolver
from reddit_mcp.watches.webhooks.webhook_sender import (
    CONNECT_SECONDS,
    PLACES,
    PLACES_OF_HOST,
    NotDelivered,
    WebhookSender,
)
from tests.support.redis_store import fake_store
from tests.support.webhook_receiver import SIGNING, answer, receiving, resolving

NAME = "hooks.example.com"
LOOPBACK = {NAME: ["127.0.0.1"], "localhost": ["127.0.0.1"], "other.example.com": ["127.0.0.1"]}
SECRET, _ = SIGNING.draw()
BODY = json.dumps({"type": "watch.matched", "word": "caf\u00e9"}, ensure_ascii=False)


@contextlib.asynccontextmanager
async def sending(
    resolve: Resolver | None = None,
    *,
    development: bool = True,
    deadline: float = 5.0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[WebhookSender]:
    addresses = AddressCheck(resolve or resolving(LOOPBACK), development=development)
    async with fake_store() as store:
        breakers = BreakerRegistry(store)
        async with WebhookSender(addresses, breakers, deadline=deadline, tls=tls) as webhooks:
            yield webhooks
        await breakers.aclose()


async def test_a_message_arrives_signed_in_the_form_of_standard_webhooks() -> None:
    async with receiving() as receiver, sending() as webhooks:
        await webhooks.send(f"{receiver.url}?a=b#c", "msg_1", BODY, SECRET)
    request = receiver.requests[0]
    assert request.line == "POST /in?a=b HTTP/1.1"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "msg_1"
    assert Webhook(SECRET).verify(request.body, request.headers) == json.loads(BODY)
    assert {"cookie", "authorization"}.isdisjoint(request.headers)


async def test_the_checked_ip_is_called_and_the_certificate_is_the_names(tmp_path: Path) -> None:
    server, client = _tls(tmp_path, NAME)
    seen: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: seen.append(name)
    async with receiving(server) as receiver, sending(tls=client) as webhooks:
        await webhooks.send(f"https://{NAME}:{receiver.port}/in", "msg_1", BODY, SECRET)
        with pytest.raises(NotDelivered, match="cannot be reached"):
            await webhooks.send(f"https://other.example.com:{receiver.port}/in", "msg_2", BODY, SECRET)
    assert seen == [NAME, "other.example.com"]
    assert receiver.requests[0].headers["host"] == f"{NAME}:{receiver.port}"
    assert receiver.ids == ["msg_1"]


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    server, _ = _tls(tmp_path, NAME)
    async with receiving(server) as receiver, sending() as webhooks:
        with pytest.raises(NotDelivered, match="cannot be reached"):
            await webhooks.send(f"https://{NAME}:{receiver.port}/in", "msg_1", BODY, SECRET)
    assert receiver.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with receiving() as receiver, receiving() as trap, sending() as webhooks:
        receiver.answers = [answer(status, f"location: {trap.url}\r\n")]
        with pytest.raises(NotDelivered, match=f"{status}; redirects are not followed") as caught:
            await webhooks.send(receiver.url, "msg_1", BODY, SECRET)
    assert caught.value.sent
    assert trap.requests == []
    assert len(receiver.requests) == 1


async def test_a_name_that_leads_to_this_machine_later_is_not_called() -> None:
    answers = [["93.184.215.14"], ["127.0.0.1"]]

    async def rebinding(_host: str) -> Sequence[str]:
        return answers.pop(0)

    async with receiving() as receiver, sending(rebinding, development=False) as webhooks:
        url = f"https://{NAME}:{receiver.port}/in"
        await AddressCheck(rebinding).check(url)
        with pytest.raises(NotDelivered, match="not on the public Internet"):
            await webhooks.send(url, "msg_1", BODY, SECRET)
    assert receiver.requests == []


async def test_the_name_is_resolved_once_and_that_ip_is_called() -> None:
    asked = []

    async def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    async with receiving() as receiver, sending(resolve) as webhooks:
        await webhooks.send(f"http://localhost:{receiver.port}/in", "msg_1", BODY, SECRET)
    assert asked == ["localhost"]
    assert len(receiver.requests) == 1


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver, receiving() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with sending() as webhooks:
            await webhooks.send(receiver.url, "msg_1", BODY, SECRET)
    assert (len(receiver.requests), len(proxy.requests)) == (1, 0)


async def test_cookies_of_one_receiver_reach_nobody() -> None:
    async with receiving() as receiver, sending() as webhooks:
        receiver.answers = [answer(200, "set-cookie: a=b\r\n")]
        await webhooks.send(receiver.url, "msg_1", BODY, SECRET)
        await webhooks.send(receiver.url, "msg_2", BODY, SECRET)
    assert all("cookie" not in request.headers for request in receiver.requests)


async def test_a_receiver_that_drips_is_given_up_at_the_deadline() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x: y\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with receiving() as receiver, sending(deadline=0.4) as webhooks:
        receiver.answers = [drip]
        with pytest.raises(NotDelivered, match=r"within 0\.4 seconds"):
            await webhooks.send(receiver.url, "msg_1", BODY, SECRET)


async def test_a_slow_name_server_counts_too() -> None:
    async def slow(_host: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async with sending(slow, deadline=0.2) as webhooks:
        with pytest.raises(NotDelivered, match=r"within 0\.2 seconds"):
            await webhooks.send(f"https://{NAME}/", "msg_1", BODY, SECRET)


async def test_an_answer_without_an_end_is_not_read() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
            await writer.drain()

    async with receiving() as receiver, sending() as webhooks:
        receiver.answers = [endless]
        await webhooks.send(receiver.url, "msg_1", BODY, SECRET)


async def test_what_the_receiver_says() -> None:
    later = datetime.now(UTC) + timedelta(seconds=100)
    date = later.strftime("%a, %d %b %Y %H:%M:%S GMT")
    expected: list[tuple[bytes, str, float | None, bool]] = [
        (answer(404), "answered 404", None, False),
        (answer(410), "answered 410", None, True),
        (answer(429, "retry-after: 90\r\n"), "answered 429", 90, False),
        (answer(503, f"retry-after: {date}\r\n"), "answered 503", 100, False),
        (answer(503, "retry-after: soon\r\n"), "answered 503", None, False),
        (answer(404, "retry-after: 90\r\n"), "answered 404", None, False),
        (b"not http at all\r\n\r\n", "cannot be reached", None, False),
    ]
    async with receiving() as receiver, sending() as webhooks:
        for says, sentence, wait, final in expected:
            receiver.answers = [says]
            with pytest.raises(NotDelivered, match=sentence) as caught:
                await webhooks.send(receiver.url, "msg_1", BODY, SECRET)
            assert caught.value.retry_after == pytest.approx(wait, abs=3)
            assert caught.value.final == final


async def test_a_host_that_keeps_failing_is_left_in_peace() -> None:
    async with receiving() as receiver, sending() as webhooks:
        receiver.answers = [answer(500)]
        for number in range(5):
            with pytest.raises(NotDelivered, match="answered 500"):
                await webhooks.send(receiver.url, f"msg_{number}", BODY, SECRET)
        with pytest.raises(NotDelivered, match="left in peace") as caught:
            await webhooks.send(receiver.url, "msg_5", BODY, SECRET)
        assert not caught.value.sent
        assert caught.value.retry_after is not None
        receiver.answers = [answer()]
        await webhooks.send(f"http://localhost:{receiver.port}/in", "msg_6", BODY, SECRET)  # another host's breaker
    assert len(receiver.requests) == 6


def test_one_host_leaves_places_for_others_and_all_together_have_no_more_than_there_are() -> None:
    webhooks = WebhookSender(AddressCheck(), BreakerRegistry(fake_store()))
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(webhooks.place(f"https://{NAME}/{number}")) for number in range(PLACES)]
        assert kept == [True] * PLACES_OF_HOST + [False] * (PLACES - PLACES_OF_HOST)
        others = [f"https://host{number}.example.com/" for number in range(PLACES)]
        assert [stack.enter_context(webhooks.place(url)) for url in others].count(True) == PLACES - PLACES_OF_HOST
        assert webhooks.places.in_use == PLACES
    with webhooks.place(f"https://{NAME}/") as is_kept, webhooks.place("no address") as unknown:
        assert (is_kept, unknown) == (True, True)
    assert webhooks.places.in_use == 0


async def test_the_next_checked_ip_is_called_where_one_does_not_answer() -> None:
    async with receiving() as receiver, sending(resolving({"localhost": ["127.0.0.2", "127.0.0.1"]})) as webhooks:
        await webhooks.send(f"http://localhost:{receiver.port}/in", "msg_1", BODY, SECRET)
    assert receiver.ids == ["msg_1"]


async def test_an_ip_that_never_accepts_is_passed_over_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks_module, "CONNECT_SECONDS", CONNECT_SECONDS / 10)
    names = {"localhost": ["127.0.0.2", "127.0.0.1"]}
    with _silent("127.0.0.2") as port:
        async with receiving(port=port) as receiver, sending(resolving(names)) as webhooks:
            await webhooks.send(f"http://localhost:{port}/in", "msg_1", BODY, SECRET)
    assert receiver.ids == ["msg_1"]


async def test_no_ip_that_answers_is_one_failure_and_an_answer_is_never_asked_for_twice() -> None:
    names = {"localhost": ["127.0.0.2", "127.0.0.3"], "two.example.com": ["127.0.0.1", "127.0.0.1"]}
    async with receiving() as receiver, sending(resolving(names)) as webhooks:
        with pytest.raises(NotDelivered, match="cannot be reached: ConnectError"):
            await webhooks.send(f"http://localhost:{receiver.port}/in", "msg_1", BODY, SECRET)
        receiver.answers = [b""]  # it hangs up
        with pytest.raises(NotDelivered, match="cannot be reached: RemoteProtocolError"):
            await webhooks.send(f"http://two.example.com:{receiver.port}/in", "msg_2", BODY, SECRET)
    assert receiver.ids == ["msg_2"]


@contextlib.contextmanager
def _silent(ip: str) -> Iterator[int]:
    """A port of this IP that is full: what comes is neither accepted nor refused."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((ip, 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def _tls(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side with a certificate of this name, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "cert.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(public))
    server.load_cert_chain(public, private)
    return server, client
