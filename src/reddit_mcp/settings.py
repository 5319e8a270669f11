"""The environment, read once and frozen. `.env.example` and the README's table are generated from this class."""

import ipaddress
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from reddit_mcp import __version__
from reddit_mcp.tiers import read_tiers

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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
    reddit_qpm: int = Field(100, ge=1, description="Requests a minute, shared by all replicas of one client id")
    redis_url: SecretStr | None = Field(None, description="Redis or Valkey; unset = an embedded private server")
    redis_cache_url: SecretStr | None = Field(
        None, description="A second Redis for cached Reddit data only, which may evict; unset = REDIS_URL"
    )
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
    auth_mode: Literal["none", "api_key"] | None = Field(
        None, description="Who is served: none = everybody, api_key = holders of a key; unset = none on loopback alone"
    )
    allow_anonymous: bool = Field(False, description="Serve strangers in the anonymous tier")
    mcp_master_key: SecretStr | None = Field(
        None, description="32 random bytes in base64 or hex; several, comma-separated, newest first, while rotating"
    )
    trusted_proxies: str = Field("", description="Comma-separated networks whose X-Forwarded-For is believed")
    tiers: str = Field("", description='JSON over the default tiers, such as {"free": {"minute": 20}}')
    rate_limit_mode: Literal["enforce", "log_only", "disabled"] = Field(
        "enforce", description="Whether a spent quota refuses a call, is only logged, or is not counted"
    )
    max_in_flight: int = Field(256, ge=1, description="Calls at once in this process; 16 of one caller")
    cache_l1_entries: int = Field(1000, ge=0, description="Answers kept in this process before Redis is asked")
    stale_max: float = Field(
        86_400.0,
        ge=0,
        description="Seconds old an answer may be that stands in for Reddit; twice that while it is down",
    )
    queue_max: int = Field(1000, ge=1, description="Requests that may wait for Reddit's budget, over all replicas")
    retry_attempts: int = Field(3, ge=1, description="Attempts while Reddit answers with a fault")
    retry_base: float = Field(1.0, ge=0, description="Seconds before the second attempt; doubling")
    retry_cap: float = Field(30.0, ge=0, description="Seconds between two attempts at most")
    retry_timeout_attempts: int = Field(2, ge=1, description="Attempts while Reddit does not answer in time")
    retry_timeout_base: float = Field(0.5, ge=0, description="Seconds before the second attempt after a timeout")
    retry_timeout_cap: float = Field(10.0, ge=0, description="Seconds between two attempts after timeouts at most")
    retry_rate_limit_attempts: int = Field(5, ge=1, description="Attempts while Reddit says 429 and the wait fits")
    breaker_failures: int = Field(5, ge=1, description="Faults in a row that open a circuit breaker")
    breaker_window: int = Field(20, ge=1, description="Last requests that count for the rate of faults")
    breaker_rate: float = Field(0.5, gt=0, le=1, description="Share of faults and slow answers that opens it")
    breaker_slow: float = Field(5.0, gt=0, description="Seconds from which an answer counts as slow")
    breaker_wait: float = Field(10.0, gt=0, description="Seconds until the first probes; doubling")
    breaker_longest_wait: float = Field(60.0, gt=0, description="Seconds between probes at most")
    breaker_probes: int = Field(3, ge=1, description="Probes at once, over all replicas")
    breaker_successes: int = Field(2, ge=1, description="Answered probes that close it")
    call_timeout: float = Field(25.0, gt=0, description="Seconds one tool call may take")
    reddit_timeout: float = Field(10.0, gt=0, description="Seconds one Reddit request may take, a slow drip included")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="The least severe line logged")
    log_file: Path | None = Field(
        None, description="A file for the log, rotated daily: 30 days, errors 90; unset = stdout, stderr under stdio"
    )
    environment: Literal["development", "staging", "production"] = Field(
        "production", description="Stack traces in errors only in development"
    )

    @property
    def archive_mode(self) -> bool:
        """Whether no Reddit credentials are set, so that an archive answers."""
        return not self.reddit_client_id

    @field_validator("redis_url", "redis_cache_url")
    @classmethod
    def _is_redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url and not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return url

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine reaches the server."""
        try:
            return ipaddress.ip_address(self.mcp_server_host).is_loopback
        except ValueError:
            return self.mcp_server_host == "localhost"

    @property
    def authentication(self) -> Literal["none", "api_key"]:
        """The mode in force."""
        return self.auth_mode or ("none" if self.on_loopback else "api_key")

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The networks of TRUSTED_PROXIES."""
        return _networks(self.trusted_proxies)

    @field_validator("tiers")
    @classmethod
    def _are_tiers(cls, text: str) -> str:
        read_tiers(text)
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        _networks(text)
        return text


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
