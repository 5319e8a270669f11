"""The master secrets, and the working secrets derived from them."""

import base64
import hmac
import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from reddit_mcp.errors import Unavailable
from reddit_mcp.settings import Settings

SIZE = 32
FILE = "master.key"

_MAKE_ONE = 'make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'


class MasterSecrets:
    """One secret for each purpose and master, so that the loss of one tells nothing about another.

    Args:
        masters: 32 random bytes each, the newest first.
    """

    def __init__(self, masters: Sequence[bytes]) -> None:
        self._masters = tuple(masters)

    def derive(self, purpose: str) -> tuple[bytes, ...]:
        """The secrets of a purpose, one for each master in their order (HKDF-SHA256 without salt, RFC 5869)."""
        return tuple(_hkdf(master, purpose.encode()) for master in self._masters)


def open_secrets(settings: Settings) -> MasterSecrets:
    """The masters of MCP_MASTER_KEY, or the one kept in DATA_DIR, which is made when absent.

    Raises:
        Unavailable: MCP_MASTER_KEY is needed and unset, or a master cannot be read.
    """
    given = settings.mcp_master_key
    if given:
        return MasterSecrets(parse(given.get_secret_value(), "MCP_MASTER_KEY"))
    if settings.redis.url or settings.authentication == "api_key":
        # A secret in one machine's folder would be a different one on the next machine.
        reason = "REDIS_URL is set" if settings.redis.url else "API keys are asked for"
        raise Unavailable(f"MCP_MASTER_KEY is required, because {reason}; {_MAKE_ONE}")
    return MasterSecrets(parse(_kept(settings.data_dir / FILE), f"{FILE} in DATA_DIR"))


def parse(text: str, name: str) -> tuple[bytes, ...]:
    """Read comma-separated masters, each 32 bytes in base64, base64url (padded or not) or hex.

    Raises:
        Unavailable: one is something else; the line names `name` and never the value.
    """
    masters = tuple(_decoded(part.strip()) for part in text.split(","))
    if any(len(master) != SIZE for master in masters):
        raise Unavailable(f"{name} must be {SIZE} random bytes in base64 or hex, several separated by commas.")
    return masters


def _decoded(text: str) -> bytes:
    """The bytes, or none where the text is no encoding of any."""
    if re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text)
    with suppress(ValueError):
        standard = text.rstrip("=").replace("-", "+").replace("_", "/")
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    return b""


def _kept(path: Path) -> str:
    try:
        if not path.exists():
            _create(path)
        return path.read_text(errors="replace")
    except OSError as error:
        raise Unavailable(f"DATA_DIR cannot keep {path.name}: {error.strerror}; set MCP_MASTER_KEY.") from error


def _create(path: Path) -> None:
    """Write a new master for this user alone; of two processes at once the first one's counts for both."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.urlsafe_b64encode(os.urandom(SIZE)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(draft)  # whole or not at all, and never over another
    finally:
        Path(draft).unlink()


def _hkdf(master: bytes, info: bytes) -> bytes:
    extracted = hmac.digest(bytes(SIZE), master, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")
