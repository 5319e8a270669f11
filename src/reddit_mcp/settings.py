"""The environment, read once and frozen. `.env.example` and the README's table are generated from this class."""

import ipaddress
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import AliasChoices, Field, PrivateAttr, SecretStr, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from reddit_mcp.setting_groups import (
    AlertSettings,
    BreakerSettings,
    CacheSettings,
    Group,
    LogSettings,
    OauthSettings,
    RedditSettings,
    RedisSettings,
    RetrySettings,
    SentrySettings,
)
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

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        env_nested_delimiter="_",
        env_nested_max_split=1,
    )

    reddit: RedditSettings = Field(default_factory=RedditSettings)
    redis: RedisSettings = Field(default_factory=RedisSettings)
    retry: RetrySettings = Field(default_factory=RetrySettings)
    breaker: BreakerSettings = Field(default_factory=BreakerSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    oauth: OauthSettings = Field(default_factory=OauthSettings)
    cache: CacheSettings = Field(default_factory=CacheSettings)
    sentry: SentrySettings = Field(default_factory=SentrySettings)
    alert: AlertSettings = Field(default_factory=AlertSettings)
    smtp_url: SecretStr | None = Field(
        None, description="The mail server for alerts: smtp://user:password@host:587, or smtps:// on port 465"
    )
    data_dir: Path = Field(
        default_factory=_data_dir, description="The embedded store, the archive, generated secrets; mode 0700"
    )
    data_source: Literal["auto", "reddit", "arctic_shift", "archive", "sample"] = Field(
        "auto",
        description="auto = Reddit with credentials, else an imported archive, else Arctic Shift, a public "
        "archive, when it can be reached, else the bundled sample of invented data",
    )
    fallback_source: Literal["arctic_shift"] | None = Field(
        None,
        description="Who answers while Reddit's circuit breaker is open, or what an imported archive lacks",
    )
    arctic_shift_url: str = Field(
        "https://arctic-shift.photon-reddit.com", description="Arctic Shift's API, one volunteer's free service"
    )
    arctic_shift_qpm: int = Field(60, ge=1, description="Requests a minute to Arctic Shift, shared by all replicas")
    archive_db: Path | None = Field(
        None, description="An imported archive; unset = archive.sqlite in DATA_DIR, if it is there"
    )
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
    operator_contact: str | None = Field(
        None,
        description="Where users and finders of vulnerabilities reach you: https://... or mailto:..., shown publicly",
    )
    trusted_proxies: str = Field("", description="Comma-separated networks whose X-Forwarded-For is believed")
    tiers: str = Field("", description='JSON over the default tiers, such as {"free": {"minute": 20}}')
    rate_limit_mode: Literal["enforce", "log_only", "disabled"] = Field(
        "enforce", description="Whether a spent quota refuses a call, is only logged, or is not counted"
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        None, description="Where traces go (OTLP over HTTP); needs mcp-for-reddit[tracing]"
    )
    max_in_flight: int = Field(256, ge=1, description="Calls at once in this process; 16 of one caller")
    stale_max: float = Field(
        86_400.0,
        ge=0,
        description="Seconds old an answer may be that stands in for Reddit; twice that while it is down",
    )
    queue_max: int = Field(1000, ge=1, description="Requests that may wait for Reddit's budget, over all replicas")
    call_timeout: float = Field(25.0, gt=0, description="Seconds one tool call may take")
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
        given, run = _grouped(given), ApifyRun()
        own = {"mcp_server_host": "0.0.0.0", "mcp_server_port": run.web_server_port}  # noqa: S104 - a container's port
        return {**own, **given} if run.is_at_home else given

    @classmethod
    def variables(cls) -> Mapping[str, FieldInfo]:
        """Every setting by its name in the environment."""
        found: dict[str, FieldInfo] = {}
        for name, field in cls.model_fields.items():
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, Group):
                found |= {f"{name}_{inner}".upper(): each for inner, each in kind.model_fields.items()}
            else:
                found[name.upper()] = field
        return found

    @property
    def apify(self) -> ApifyRun:
        """The run of the Apify platform that this is, if it is one."""
        return self._apify

    @property
    def durable(self) -> bool:
        """Whether what is stored outlives this process: an Apify run's own disk does not outlive the run."""
        return bool(self.redis.url) or not self.apify.is_at_home

    @property
    def reddit_share(self) -> int:
        """Requests a minute for this store's replicas; runs that share no store share REDDIT_QPM in equal parts."""
        return self.reddit.qpm if self.durable else max(1, self.reddit.qpm // self.apify_max_runs)

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """The Hosts of MCP_ALLOWED_HOSTS, and those that Apify gave this run."""
        named = tuple(part.strip() for part in self.mcp_allowed_hosts.split(",") if part.strip())
        return (*named, *self.apify.hosts) if self.apify.is_at_home else named

    @model_validator(mode="after")
    def _reddit_has_credentials(self) -> Self:
        if self.data_source == "reddit" and not self.reddit.client_id:
            raise ValueError("DATA_SOURCE=reddit needs REDDIT_CLIENT_ID")
        return self

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

    @field_validator("tiers")
    @classmethod
    def _are_tiers(cls, text: str) -> str:
        read_tiers(text)
        return text

    @field_validator("operator_contact")
    @classmethod
    def _is_reachable(cls, address: str | None) -> str | None:
        if address and (not address.startswith(("https://", "mailto:")) or not address.isprintable() or " " in address):
            raise ValueError("must begin with https:// or mailto:")
        return address

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        _networks(text)
        return text


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def _grouped(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings given by their whole names, such as `redis_url`, in their groups."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        group, _, inner = name.partition("_")
        kind = Settings.model_fields[group].annotation if group in Settings.model_fields and inner else None
        if isinstance(kind, type) and issubclass(kind, Group) and name not in Settings.model_fields:
            known = found.get(group) or given.get(group) or {}
            found[group] = {**(known if isinstance(known, Mapping) else known.model_dump()), inner: value}
        else:
            found.setdefault(name, value)
    return found
