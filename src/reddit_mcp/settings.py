"""The environment, read once and frozen. `.env.example` and the README's table are generated from this class."""

from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, RedisDsn, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from reddit_mcp import __version__


def _data_dir() -> Path:
    return platformdirs.user_data_path("reddit-mcp", appauthor=False)


class Settings(BaseSettings):
    """Everything an operator may set. Unset secrets are never printed."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    reddit_client_id: str | None = Field(None, description="The Reddit application's id; unset = archive mode")
    reddit_client_secret: SecretStr | None = Field(None, description="The Reddit application's secret")
    reddit_user_agent: str = Field(
        f"server:reddit-mcp:{__version__} (by /u/reddit-mcp)",
        min_length=7,
        description="Reddit's required format: platform:app:version (by /u/you)",
    )
    reddit_oauth_url: str = Field("https://oauth.reddit.com", description="Reddit's API; point it at an archive server")
    reddit_url: str = Field("https://www.reddit.com", description="Where Reddit hands out tokens")
    redis_url: RedisDsn | None = Field(None, description="Redis or Valkey; unset = an embedded private server")
    redis_timeout: float = Field(0.25, gt=0, description="Seconds one Redis command may take")
    redis_key_prefix: str = Field("reddit_mcp:", description="Before every key in Redis")
    data_dir: Path = Field(
        default_factory=_data_dir, description="The embedded store, the archive, generated secrets; mode 0700"
    )
    archive_db: Path | None = Field(None, description="An imported archive; the bundled sample when absent")
    mcp_server_host: str = Field("127.0.0.1", description="The address to listen on")
    mcp_server_port: int = Field(8080, ge=0, le=65535, description="The port to listen on; 0 = any free one")
    mcp_allowed_hosts: str = Field("", description="Comma-separated Hosts served beside loopback; *.suffix allowed")
    cors_origins: str = Field("", description="Comma-separated Origins served beside loopback")
    call_timeout: float = Field(25.0, gt=0, description="Seconds one tool call may take")
    reddit_timeout: float = Field(10.0, gt=0, description="Seconds one Reddit request may take, a slow drip included")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="The least severe line logged")
    environment: Literal["development", "staging", "production"] = Field(
        "production", description="Stack traces in errors only in development"
    )

    @property
    def archive_mode(self) -> bool:
        """Whether no Reddit credentials are set, so that an archive answers."""
        return not self.reddit_client_id
