"""Posts as people point to them, share links included, of which only Reddit knows where they lead."""

from reddit_mcp.errors import NotFound
from reddit_mcp.reddit import names
from reddit_mcp.tools._invalid import checked, refused
from reddit_mcp.tools._tool import Call


async def resolved(call: Call, field: str, text: str) -> names.ThreadRef:
    """The post, comment and context that a text points to; a share link costs one request.

    Raises:
        InvalidInput: it is no post, or a share link that leads to none from here.
    """
    path = checked(names.share, field, text, names.POST_RULE)
    if path is None:
        return checked(names.thread, field, text, names.POST_RULE)
    try:
        call.take(await call.services.reddit.shared(path))
    except NotFound as elsewhere:
        call.learnt_from(elsewhere)
        if place := elsewhere.data.get("moved_to"):
            return checked(names.thread, field, place, names.POST_RULE)
    raise refused(field, "is a share link that cannot be followed from here", names.SHARE_RULE)
