"""Ending somebody else's read, over TLS too."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from requests import RequestException

from reddit_mcp.upstream.reddit_api.abortable_http import AbortableSession
from tests.support.patience import PATIENCE_SECONDS

LOOPBACK = "127.0.0.1"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and its certificate for loopback, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, LOOPBACK)])
    today = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(today - dt.timedelta(days=1))
    builder = builder.not_valid_after(today + dt.timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    addresses = [x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
    signed = builder.add_extension(x509.SubjectAlternativeName(addresses), critical=False).sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    file = tmp_path / "loopback.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, plain) + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


class Dripping:
    """A server that sends a head and then a body that never ends."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.started, self.ended = threading.Event(), threading.Event()
        self._context = context
        self._socket = socket.create_server((LOOPBACK, 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._socket, self._socket.accept()[0] as plain:
            wrapped = self._context.wrap_socket(plain, server_side=True) if self._context else plain
            with wrapped as connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                self.started.set()
                try:
                    while not self.ended.wait(0.01):
                        connection.sendall(b" ")
                except OSError:
                    self.ended.set()

    def close(self) -> None:
        self.ended.set()
        self._thread.join()


@pytest.fixture(params=["http", "https"])
def dripping(request: pytest.FixtureRequest, certificate: Path) -> Iterator[tuple[str, Dripping]]:
    context = None
    if request.param == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = Dripping(context)
    yield f"{request.param}://{LOOPBACK}:{server.port}/", server
    server.close()


def test_abort_ends_a_read_of_another_thread(dripping: tuple[str, Dripping], certificate: Path) -> None:
    url, server = dripping
    session = AbortableSession()
    done = threading.Event()

    def read() -> None:
        try:
            session.get(url, timeout=60, verify=str(certificate))
        except RequestException:
            pass
        finally:
            done.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert server.started.wait(PATIENCE_SECONDS)
    session.abort()
    assert done.wait(PATIENCE_SECONDS)
    assert server.ended.wait(PATIENCE_SECONDS)
    reader.join()
    session.close()


def test_abort_without_connections() -> None:
    with AbortableSession() as session:
        session.abort()
