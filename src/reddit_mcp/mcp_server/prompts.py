"""Prompts: four ways of asking that use the tools well."""

import difflib
import inspect
from typing import TYPE_CHECKING, Annotated, Any

from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS
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


PROMPTS = {prompt.__name__: prompt for prompt in (research_topic, summarize_thread, monitor_brand, compare_communities)}
LONGEST_ARGUMENT = 500


def check(name: str, arguments: dict[str, Any]) -> None:
    """Look whether there is such a prompt, and whether it can be filled with these arguments.

    Raises:
        MCPError: -32602, with what to send instead.
    """
    if name not in PROMPTS:
        near = difflib.get_close_matches(name[:100], PROMPTS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(PROMPTS)}."
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {name[:100]}; {hint}", {"prompt": name[:100]})
    wanted = inspect.signature(PROMPTS[name]).parameters
    if missing := [each for each in wanted if not arguments.get(each)]:
        raise MCPError(INVALID_PARAMS, f"The prompt {name} needs {' and '.join(missing)}.", {"prompt": name})
    if unknown := [each[:100] for each in arguments if each not in wanted]:
        raise MCPError(INVALID_PARAMS, f"The prompt {name} has no argument {unknown[0]}.", {"prompt": name})
    if long := [each for each in wanted if len(str(arguments[each])) > LONGEST_ARGUMENT]:
        sentence = f"{long[0]} of the prompt {name} has {LONGEST_ARGUMENT} characters at most."
        raise MCPError(INVALID_PARAMS, sentence, {"prompt": name})


def register(server: "MCPServer") -> None:
    """Offer the prompts on this server."""
    for prompt in PROMPTS.values():
        server.prompt(title=prompt.__name__.replace("_", " ").capitalize())(prompt)
