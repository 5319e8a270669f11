"""Arctic Shift, a public archive of Reddit, as a Source: questions in Reddit's terms, answers in Reddit's shape.

Its API is documented at https://github.com/ArthurHeitmann/arctic_shift/blob/master/api/README.md. It is one volunteer's
free service, so this package asks for no more than it needs and takes a token of the budget for every request.
"""

from reddit_mcp.reddit.arctic_shift.api import Api
from reddit_mcp.reddit.arctic_shift.budget import Budget
from reddit_mcp.reddit.arctic_shift.reach import ArcticReach
from reddit_mcp.reddit.arctic_shift.sentences import FIRST_LOOK
from reddit_mcp.reddit.arctic_shift.source import ArcticShift
from reddit_mcp.reddit.arctic_shift.span import Span
from reddit_mcp.reddit.arctic_shift.walk import Stretch, Walk

__all__ = ["FIRST_LOOK", "Api", "ArcticReach", "ArcticShift", "Budget", "Span", "Stretch", "Walk"]
