"""The secrets that webhooks are signed with: one for each watch, shown once and kept encrypted."""

import base64
import secrets as random

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from reddit_mcp.storage.api_keys.master_secrets import MasterSecrets

SIZE = 32
"""Bytes; Standard Webhooks asks for 24 to 64."""


class SigningSecrets:
    """Draws, seals and opens secrets.

    Args:
        secrets: the masters; while they are rotated, older ones still open what they sealed.
    """

    def __init__(self, secrets: MasterSecrets) -> None:
        keys = secrets.derive("webhook secrets")
        self._box = MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])

    def draw(self) -> tuple[str, str]:
        """A new secret in the form of Standard Webhooks (`whsec_` and base64), and the same sealed."""
        secret = "whsec_" + base64.b64encode(random.token_bytes(SIZE)).decode()
        return secret, self._box.encrypt(secret.encode()).decode()

    def opened(self, sealed: str) -> str | None:
        """The secret; None when no master that is left has sealed it."""
        try:
            return self._box.decrypt(sealed).decode()
        except InvalidToken:
            return None
