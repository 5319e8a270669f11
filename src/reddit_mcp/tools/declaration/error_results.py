"""One form for every way a call can fail: a sentence for the model, the same facts for programs."""

import difflib
import traceback
from typing import Any

from mcp.types import CallToolResult
from pydantic import ValidationError

from reddit_mcp.errors import Failure, Internal, InvalidInput
from reddit_mcp.tools.declaration.tool_spec import result

Json = dict[str, Any]


def envelope(failure: Failure, trace_id: str) -> Json:
    """The error object as clients read it."""
    return {
        "error": {
            "code": failure.code,
            "type": failure.type,
            "message": str(failure),
            "data": {"category": failure.category, "trace_id": trace_id, **failure.data},
        }
    }


def shown(failure: Failure, trace_id: str) -> CallToolResult:
    """The failure as a tool result: text and structured content each stand alone."""
    return result(envelope(failure, trace_id), is_error=True, sentence=str(failure))


def bug(error: BaseException, *, development: bool) -> Internal:
    """An unexpected exception: its story stays in the log, unless a developer asked for it."""
    stack = "".join(traceback.format_exception(error)) if development else None
    return Internal(
        "Something went wrong in this server; its operator finds the cause in the log under the trace id.",
        error_type="internal_error",
        stack=stack,
    )


LONGEST_NAME = 100
MOST_ISSUES = 20
"""Bad arguments told of one call: a body may hold thousands of unknown names."""


def invalid(error: ValidationError, parameters: Json) -> InvalidInput:
    """Every bad argument by name: what was wrong and what is allowed. The values themselves are not repeated."""
    errors = error.errors(include_url=False, include_input=False)[:MOST_ISSUES]
    issues = [_issue(details, parameters) for details in errors]
    sentence = "; ".join(f"{issue['field']} {issue['message']}" for issue in issues[:5])
    allowed = issues[0]["allowed"]
    return InvalidInput(f"{sentence}. Allowed for {issues[0]['field']}: {allowed}.", issues=issues)


def _issue(details: Any, parameters: Json) -> Json:
    place = [str(part) for part in details["loc"]]
    known: Json = parameters["properties"]
    field, schema = ".".join(place)[:LONGEST_NAME], known.get(place[0] if place else "", {})
    if details["type"] == "extra_forbidden":
        return {"field": field, "message": _unknown(field, list(known)), "allowed": ", ".join(known)}
    return {"field": field, "message": _message(details), "allowed": allowed_by(schema)}


def _unknown(field: str, known: list[str]) -> str:
    near = difflib.get_close_matches(field, known, n=1, cutoff=0.4)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"is not an argument of this tool{hint}"


_WORDS = {
    "missing": "is required",
    "literal_error": "is not one of the allowed values",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "list_type": "must be a list",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long",
    "too_long": "has too many entries",
    "string_pattern_mismatch": "has characters that are not allowed",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
}


def _message(details: Any) -> str:
    return _WORDS.get(details["type"]) or str(details["msg"])


def allowed_by(schema: Json) -> str:
    """What a schema admits, in words."""
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    match schema.get("type"):
        case "integer":
            return f"a whole number from {schema.get('minimum')} to {schema.get('maximum')}"
        case "boolean":
            return "true or false"
        case "array":
            return f"a list of at most {schema.get('maxItems')}, each {allowed_by(schema['items'])}"
    return f"text of {schema.get('minLength', 0)} to {schema.get('maxLength')} characters: {_purpose(schema)}"


def _purpose(schema: Json) -> str:
    return str(schema.get("description", "no markup")).rstrip(".")
