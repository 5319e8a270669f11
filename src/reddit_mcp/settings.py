"""The environment, read once and frozen. `.env.example` and the README's table are generated from this class."""

import ipaddress
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import AliasChoices, Field, PrivateAttr, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from reddit_mcp import __version__
from reddit_mcp.tiers import read_tiers

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NO_DURABLE_STORE = (
    "This needs a store that outlives the run: the operator of this Actor must set REDIS_URL, for what a run stores "
    "on its own disk is lost with it."
)
"""What is said on Apify without REDIS_URL."""


def _data_dir() -> Path:
    return platformdirs.user_data_path("reddit-mcp", appauthor=False)


class ApifyRun(BaseSettings):
    """What the Apify platform tells a run of an Actor; nobody sets this by hand.

    Source: https://docs.apify.com/platform/actors/development/programming-interface/environment-variables
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    is_at_home: bool = Field(False, validation_alias="apify_is_at_home")
    origin: str = Field("", validation_alias="apify_meta_origin")
    run_id: str = Field("", validation_alias=AliasChoices("actor_run_id", "apify_actor_run_id"))
    user_id: str = Field("", validation_alias="apify_user_id")
    user_is_paying: bool = Field(False, validation_alias="apify_user_is_paying")
    token: SecretStr = Field(SecretStr(""), validation_alias="apify_token")
    api_url: str = Field("https://api.apify.com", validation_alias="apify_api_base_url")
    max_total_charge_usd: Decimal | None = Field(None, ge=0, validation_alias="actor_max_total_charge_usd")
    pricing: str = Field("", validation_alias="apify_actor_pricing_info")
    web_server_port: int = Field(4321, ge=1, le=65535, validation_alias="actor_web_server_port")
    standby_url: str = Field("", validation_alias="actor_standby_url")
    web_server_url: str = Field("", validation_alias="actor_web_server_url")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that the run is reached by."""
        names = (urlsplit(url).hostname for url in (self.standby_url, self.web_server_url))
        return tuple(name for name in names if name)


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
    mcp_sessions: bool = Field(
        False, description="Sessions for 2025-era clients, who may then subscribe; replicas need sticky routing"
    )
    mcp_allowed_hosts: str = Field("", description="Comma-separated Hosts served beside loopback; *.suffix allowed")
    cors_origins: str = Field("", description="Comma-separated Origins served beside loopback")
    auth_mode: Literal["none", "api_key", "apify"] | None = Field(
        None,
        description="Who is served: none = everybody, api_key = holders of a key, apify = the account of an Apify run; "
        "unset = apify on Apify, else none on loopback alone",
    )
    allow_anonymous: bool = Field(False, description="Serve strangers in the anonymous tier")
    list_without_key: bool = Field(
        True, description="Answer the lists of tools, prompts and resources without a key; calls want one all the same"
    )
    mcp_master_key: SecretStr | None = Field(
        None, description="32 random bytes in base64 or hex; several, comma-separated, newest first, while rotating"
    )
    oauth_issuer_url: str | None = Field(
        None, description="Accept this OAuth issuer's tokens (JWTs) beside keys; unset = keys alone"
    )
    oauth_audience: str | None = Field(
        None, description="The aud of its tokens: this server's public address, such as https://reddit.example/mcp"
    )
    trusted_proxies: str = Field("", description="Comma-separated networks whose X-Forwarded-For is believed")
    tiers: str = Field("", description='JSON over the default tiers, such as {"free": {"minute": 20}}')
    rate_limit_mode: Literal["enforce", "log_only", "disabled"] = Field(
        "enforce", description="Whether a spent quota refuses a call, is only logged, or is not counted"
    )
    max_in_flight: int = Field(256, ge=1, description="Calls at once in this process; 16 of one caller")
    cache_l1_entries: int = Field(1000, ge=0, description="Answers kept in this process before Redis is asked")
    cache_warming: bool = Field(
        False, description="Fill the cache with the front page's communities at the start, within a tenth of the budget"
    )
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
    apify_tenancy: Literal["single", "multi"] = Field(
        "single", description="On Apify: whether a run serves its own account alone (the platform does not tell)"
    )
    apify_max_runs: int = Field(
        10, ge=1, description="On Apify without REDIS_URL: runs at once, among which REDDIT_QPM is divided"
    )

    _apify: ApifyRun = PrivateAttr(default_factory=ApifyRun)

    @model_validator(mode="before")
    @classmethod
    def _on_apify(cls, given: dict[str, Any]) -> dict[str, Any]:
        run = ApifyRun()
        own = {"mcp_server_host": "0.0.0.0", "mcp_server_port": run.web_server_port}  # noqa: S104 - a container's port
        return {**own, **given} if run.is_at_home else given

    @property
    def apify(self) -> ApifyRun:
        """The run of the Apify platform that this is, if it is one."""
        return self._apify

    @property
    def durable(self) -> bool:
        """Whether what is stored outlives this process: an Apify run's own disk does not outlive the run."""
        return bool(self.redis_url) or not self.apify.is_at_home

    @property
    def reddit_share(self) -> int:
        """Requests a minute for this store's replicas; runs that share no store share REDDIT_QPM in equal parts."""
        return self.reddit_qpm if self.durable else max(1, self.reddit_qpm // self.apify_max_runs)

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """The Hosts of MCP_ALLOWED_HOSTS, and those that Apify gave this run."""
        named = tuple(part.strip() for part in self.mcp_allowed_hosts.split(",") if part.strip())
        return (*named, *self.apify.hosts) if self.apify.is_at_home else named

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
    def authentication(self) -> Literal["none", "api_key", "apify"]:
        """The mode in force."""
        usual: Literal["none", "api_key"] = "none" if self.on_loopback else "api_key"
        return self.auth_mode or ("apify" if self.apify.is_at_home else usual)

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The networks of TRUSTED_PROXIES."""
        return _networks(self.trusted_proxies)

    @field_validator("oauth_issuer_url", "oauth_audience")
    @classmethod
    def _is_trustworthy(cls, url: str | None) -> str | None:
        place = urlsplit(url or "https://unset")
        if place.scheme != "https" and place.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("must begin with https://")
        return url

    @model_validator(mode="after")
    def _issuer_has_audience(self) -> Self:
        if bool(self.oauth_issuer_url) != bool(self.oauth_audience):
            raise ValueError("OAUTH_ISSUER_URL and OAUTH_AUDIENCE must be set together")
        return self

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
