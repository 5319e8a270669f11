"""An OAuth issuer: keys, tokens, and the pages where others find the keys."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.support.secret_leaks import RUN

AUDIENCE = "https://reddit.example/mcp"
_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_EC = ec.generate_private_key(ec.SECP256R1())
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
"""A key that no issuer shows."""


class FakeIssuer:
    """Answers for its address; `pages` are by path, and what is missing is 404."""

    def __init__(self, url: str = "https://issuer.example") -> None:
        self.url = url
        self.keys: dict[str, tuple[Any, str]] = {"r1": (_RSA, "RS256"), "e1": (_EC, "ES256")}
        self.asked: list[str] = []
        self.status = 200

    def jwks(self) -> list[dict[str, Any]]:
        shown = []
        for name, (private, algorithm) in self.keys.items():
            kind: Any = RSAAlgorithm if algorithm == "RS256" else ECAlgorithm
            facts = json.loads(kind.to_jwk(private.public_key()))
            shown.append({**facts, "kid": name, "alg": algorithm, "use": "sig"})
        return shown

    def page(self, path: str) -> tuple[int, Any]:
        self.asked.append(path)
        metadata = {"issuer": self.url, "jwks_uri": self.url + "/keys"}
        pages = {"/.well-known/openid-configuration": metadata, "/keys": {"keys": self.jwks()}}
        return (self.status, pages[path]) if path in pages else (404, {})

    def token(self, kid: str | None = "r1", *, key: Any = None, algorithm: str | None = None, **claims: Any) -> str:
        private, own = self.keys[kid or "r1"] if key is None else (key, "RS256")
        now = int(time.time())
        facts = {"iss": self.url, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 600, **claims}
        present = {name: value for name, value in facts.items() if value is not None}
        token = jwt.encode(present, private, algorithm or own, headers={"kid": kid} if kid else {})
        RUN.secret("OAuth token", token)
        return token

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Listen on loopback, under the address of the moment."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, content = issuer.page(self.path)
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield
            finally:
                server.shutdown()
