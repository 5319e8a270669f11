"""Every way a call can fail, as one tree.

    Failure
      InvalidInput      -32602  validation      the arguments
      Unauthenticated   -32001  authentication  key missing or wrong
      Forbidden         -32002  authentication  not yours, or the tier is too low
      NotFound          -32003  client_error    no such post, user or community (or private, banned, ...)
      RateLimited       -32004  rate_limit      the caller's quota, or Reddit's budget
      Unavailable       -32005  server_error    breaker open, draining, queue full, bad Reddit credentials
      UpstreamError     -32006  external_api    Reddit's 5xx, bad JSON, HTML instead of JSON
      DeadlineExceeded  -32007  timeout         the deadline of the call
      Internal          -32603  server_error    a bug

`str(failure)` is one plain sentence that a model can act on, without secrets, paths or another caller's data.
"""

from typing import Any, ClassVar


class Failure(Exception):
    """A failed call.

    Attributes:
        code: the JSON-RPC error code of this branch.
        type: the branch's name on the wire.
        category: what kind of trouble it is, for operators.
        data: further facts for programs, such as `resource` or `retry_after_seconds`.
        calls: requests that Reddit received in vain.
        partial: the answer as far as it had come before it failed; None where nothing had.
    """

    calls = 0
    partial: Any = None

    code: ClassVar[int]
    type: ClassVar[str]
    category: ClassVar[str]

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.data = {name: value for name, value in data.items() if value is not None}


CLIENTS_OWN = ("validation", "authentication", "client_error")
"""Categories of failures that the caller can avoid."""


class InvalidInput(Failure):
    """The arguments are wrong; `data.issues` names each bad field, what was wrong and what is allowed."""

    code, type, category = -32602, "invalid_input", "validation"


class Unauthenticated(Failure):
    """The key is missing or wrong."""

    code, type, category = -32001, "unauthenticated", "authentication"


class Forbidden(Failure):
    """The thing is not the caller's, or the caller's tier is too low."""

    code, type, category = -32002, "forbidden", "authentication"


class NotFound(Failure):
    """Reddit has no such thing, or hides it; `data.reason` says private, gated, quarantined, banned, suspended."""

    code, type, category = -32003, "not_found", "client_error"


class RateLimited(Failure):
    """A quota is spent; `data.limit_type` is `user` or `reddit_api`, `data.retry_after_seconds` says when to return."""

    code, type, category = -32004, "rate_limited", "rate_limit"


class Unavailable(Failure):
    """The server cannot work on this now; `data.service` and `data.reason` say why."""

    code, type, category = -32005, "unavailable", "server_error"


class UpstreamError(Failure):
    """Reddit answered with a fault; `data.status_code` and `data.upstream_service` say which.

    Attributes:
        fault: the upstream itself failed, rather than that it works and will not do this.
        again: the same request may fare better.
    """

    fault = True
    again = True

    code, type, category = -32006, "upstream_error", "external_api"


class DeadlineExceeded(Failure):
    """The call's deadline passed; `data.operation` and `data.timeout` (seconds) say where."""

    code, type, category = -32007, "timeout", "timeout"


class Internal(Failure):
    """A bug of ours; the message is generic, the story stands in the log under the trace id."""

    code, type, category = -32603, "internal", "server_error"
