"""Arctic Shift, a public archive of Reddit, as a Source: questions in Reddit's terms, answers in Reddit's shape.

Its API is documented at https://github.com/ArthurHeitmann/arctic_shift/blob/master/api/README.md. It is one volunteer's
free service, so this package asks for no more than it needs and takes a token of the budget for every request.
"""

from reddit_mcp.upstream.arctic_shift.arctic_reach import ArcticReach
from reddit_mcp.upstream.arctic_shift.arctic_source import ArcticShift
from reddit_mcp.upstream.arctic_shift.client.arctic_api import Api
from reddit_mcp.upstream.arctic_shift.client.arctic_budget import Budget
from reddit_mcp.upstream.arctic_shift.client.time_span import Span
from reddit_mcp.upstream.arctic_shift.range_walk import Stretch, Walk
from reddit_mcp.upstream.arctic_shift.refusal_sentences import FIRST_LOOK

__all__ = ["FIRST_LOOK", "Api", "ArcticReach", "ArcticShift", "Budget", "Span", "Stretch", "Walk"]
