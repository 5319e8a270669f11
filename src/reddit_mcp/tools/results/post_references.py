"""Posts as people point to them, share links included, of which only Reddit knows where they lead."""

from reddit_mcp.errors import NotFound
from reddit_mcp.tools.declaration.argument_errors import argument_error, checked
from reddit_mcp.tools.declaration.tool_spec import Call
from reddit_mcp.upstream.reddit_api import identifiers


async def resolved(call: Call, field: str, text: str) -> identifiers.ThreadRef:
    """The post, comment and context that a text points to; a share link costs one request.

    Raises:
        InvalidInput: it is no post, or a share link that leads to none from here.
    """
    path = checked(identifiers.share, field, text, identifiers.POST_RULE)
    if path is None:
        return checked(identifiers.thread, field, text, identifiers.POST_RULE)
    try:
        call.take(await call.services.reddit.shared(path))
    except NotFound as elsewhere:
        call.learnt_from(elsewhere)
        if place := elsewhere.data.get("moved_to"):
            return checked(identifiers.thread, field, place, identifiers.POST_RULE)
    raise argument_error(field, "is a share link that cannot be followed from here", identifiers.SHARE_RULE)
