"""The settings by concern; in the environment a name begins with its group, such as BREAKER_FAILURES."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from reddit_mcp import __version__


class Group(BaseModel):
    """Settings of one concern; each is set by its group's name and its own, such as BREAKER_FAILURES."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RedditSettings(Group):
    """The Reddit application and its API."""

    client_id: str | None = Field(
        None, description="The Reddit application's id; without one another DATA_SOURCE answers"
    )
    client_secret: SecretStr | None = Field(None, description="The Reddit application's secret")
    user_agent: str = Field(
        f"server:reddit-mcp:{__version__} (by /u/reddit-mcp)",
        min_length=7,
        description="Reddit's required format: platform:app:version (by /u/you)",
    )
    oauth_url: str = Field("https://oauth.reddit.com", description="Reddit's API; point it at an archive server")
    url: str = Field("https://www.reddit.com", description="Where Reddit hands out tokens")
    qpm: int = Field(100, ge=1, description="Requests a minute, shared by all replicas of one client id")
    timeout: float = Field(10.0, gt=0, description="Seconds one Reddit request may take, a slow drip included")


class RedisSettings(Group):
    """Redis or Valkey."""

    url: SecretStr | None = Field(None, description="Redis or Valkey; unset = an embedded private server")
    cache_url: SecretStr | None = Field(
        None, description="A second Redis for cached Reddit data only, which may evict; unset = REDIS_URL"
    )
    timeout: float = Field(0.25, gt=0, description="Seconds one Redis command may take")
    key_prefix: str = Field("reddit_mcp:", description="Before every key in Redis")

    @field_validator("url", "cache_url")
    @classmethod
    def _is_redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url and not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return url


class RetrySettings(Group):
    """Attempts in all, the first wait and the longest one in seconds, by what went wrong."""

    attempts: int = Field(3, ge=1, description="Attempts while Reddit answers with a fault")
    base: float = Field(1.0, ge=0, description="Seconds before the second attempt; doubling")
    cap: float = Field(30.0, ge=0, description="Seconds between two attempts at most")
    timeout_attempts: int = Field(2, ge=1, description="Attempts while Reddit does not answer in time")
    timeout_base: float = Field(0.5, ge=0, description="Seconds before the second attempt after a timeout")
    timeout_cap: float = Field(10.0, ge=0, description="Seconds between two attempts after timeouts at most")
    rate_limit_attempts: int = Field(5, ge=1, description="Attempts while Reddit says 429 and the wait fits")


class BreakerSettings(Group):
    """When a circuit breaker opens, how long it waits, and what closes it; waits in seconds."""

    failures: int = Field(5, ge=1, description="Faults in a row that open a circuit breaker")
    window: int = Field(20, ge=1, description="Last requests that count for the rate of faults")
    rate: float = Field(0.5, gt=0, le=1, description="Share of faults and slow answers that opens it")
    slow: float = Field(5.0, gt=0, description="Seconds from which an answer counts as slow")
    wait: float = Field(10.0, gt=0, description="Seconds until the first probes; doubling")
    longest_wait: float = Field(60.0, gt=0, description="Seconds between probes at most")
    probes: int = Field(3, ge=1, description="Probes at once, over all replicas")
    successes: int = Field(2, ge=1, description="Answered probes that close it")


class LogSettings(Group):
    """The log."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="The least severe line logged")
    file: Path | None = Field(
        None, description="A file for the log, rotated daily: 30 days, errors 90; unset = stdout, stderr under stdio"
    )


class OauthSettings(Group):
    """An OAuth issuer whose tokens are accepted beside keys."""

    issuer_url: str | None = Field(
        None, description="Accept this OAuth issuer's tokens (JWTs) beside keys; unset = keys alone"
    )
    audience: str | None = Field(
        None, description="The aud of its tokens: this server's public address, such as https://reddit.example/mcp"
    )

    @field_validator("issuer_url", "audience")
    @classmethod
    def _is_trustworthy(cls, url: str | None) -> str | None:
        place = urlsplit(url or "https://unset")
        if place.scheme != "https" and place.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("must begin with https://")
        return url

    @model_validator(mode="after")
    def _issuer_has_audience(self) -> Self:
        if bool(self.issuer_url) != bool(self.audience):
            raise ValueError("OAUTH_ISSUER_URL and OAUTH_AUDIENCE must be set together")
        return self


class SentrySettings(Group):
    """Where errors are reported."""

    dsn: SecretStr | None = Field(None, description="Where Sentry takes errors, which are scrubbed as the log is")
    traces_sample_rate: float = Field(0.0, ge=0, le=1, description="Share of requests whose timing Sentry is sent")
    profiles_sample_rate: float = Field(0.0, ge=0, le=1, description="Share of those that are profiled too")


class AlertSettings(Group):
    """Where alerts go, beside the log."""

    webhook_url: SecretStr | None = Field(None, description="Alerts are posted there as JSON")
    slack_url: SecretStr | None = Field(None, description="An incoming webhook of Slack's for alerts")
    pagerduty_key: SecretStr | None = Field(None, description="The integration key (Events API v2) for alerts")
    pagerduty_url: str = Field("https://events.pagerduty.com/v2/enqueue", description="PagerDuty's Events API")
    email_to: str | None = Field(None, description="Comma-separated receivers of alerts by e-mail; needs SMTP_URL")


class CacheSettings(Group):
    """Cached answers."""

    l1_entries: int = Field(1000, ge=0, description="Answers kept in this process before Redis is asked")
    warming: bool = Field(
        False, description="Fill the cache with the front page's communities at the start, within a tenth of the budget"
    )
