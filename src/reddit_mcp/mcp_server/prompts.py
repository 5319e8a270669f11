"""Prompts: four ways of asking that use the tools well."""

import difflib
from typing import TYPE_CHECKING, Annotated, Any

from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, Prompt
from pydantic import Field

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

Topic = Annotated[str, Field(description="What to find out about")]
PostId = Annotated[str, Field(description="Post id or address")]
Brand = Annotated[str, Field(description="Brand, product or person to watch")]
CommunityName = Annotated[str, Field(description="Community name")]


def research_topic(topic: Topic) -> str:
    """Find out what Reddit thinks about a topic."""
    return (
        f"Research what Reddit says about: {topic}\n"
        "1. search_reddit with two or three phrasings, time_filter year.\n"
        "2. get_post_comments for the three threads with the most discussion.\n"
        "3. analyze_sentiment with content_type search_results.\n"
        "Report the main positions with a link for each, where people disagree, and how old the evidence is."
    )


def summarize_thread(post_id: PostId) -> str:
    """Summarize a discussion."""
    return (
        f"Read the Reddit thread {post_id} with get_post_comments (limit 200, expand_more 2) and summarize it: "
        "the question, the strongest answers with their scores, the dissent, and what stayed open."
    )


def monitor_brand(brand: Brand) -> str:
    """See how a brand is talked about and watch it from now on."""
    return (
        f"Show how Reddit talks about {brand}: search_reddit (time_filter month, sort new), analyze_sentiment with "
        "content_type search_results, the most positive and most negative voices with links. "
        f"Then offer to create a watch with watch_keywords for: {brand}."
    )


def compare_communities(first: CommunityName, second: CommunityName) -> str:
    """Compare two communities."""
    return (
        f"Compare r/{first} and r/{second}: get_subreddit_info with rules, get_subreddit_posts sort top of the month, "
        "get_trending_topics and analyze_sentiment for each. Say who gathers there, what they value, how they differ."
    )


PROMPTS = (research_topic, summarize_thread, monitor_brand, compare_communities)
LONGEST_ARGUMENT = 500


def check(registered: list[Prompt], name: str, arguments: dict[str, Any]) -> None:
    """Look whether there is such a prompt, and whether it can be filled with these arguments.

    Raises:
        MCPError: -32602, with what to send instead.
    """
    known = {prompt.name: [each.name for each in prompt.arguments or []] for prompt in registered}
    if name not in known:
        near = difflib.get_close_matches(name[:100], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {name[:100]}; {hint}", {"prompt": name[:100]})
    if wrong := _wrong_argument(name, known[name], arguments):
        raise MCPError(INVALID_PARAMS, wrong, {"prompt": name})


def _wrong_argument(name: str, wanted: list[str], arguments: dict[str, Any]) -> str | None:
    """What is wrong with the arguments, in a sentence. All of them are needed: no prompt has an optional one."""
    if missing := [each for each in wanted if not arguments.get(each)]:
        return f"The prompt {name} needs {' and '.join(missing)}."
    if unknown := [each[:100] for each in arguments if each not in wanted]:
        return f"The prompt {name} has no argument {unknown[0]}."
    if long := [each for each in wanted if len(str(arguments[each])) > LONGEST_ARGUMENT]:
        return f"{long[0]} of the prompt {name} has {LONGEST_ARGUMENT} characters at most."
    return None


def register(server: "MCPServer") -> None:
    """Offer the prompts on this server."""
    for prompt in PROMPTS:
        server.prompt(title=prompt.__name__.replace("_", " ").capitalize())(prompt)
