"""The Reddit that tools see: questions in Reddit's terms, one `Query` each, nothing hidden."""

from collections.abc import Sequence
from typing import Literal, TypeVar
from urllib.parse import quote

from reddit_mcp.models import Branches, Communities, Listing, Names, Rules, Subreddit, Thread, User, Value
from reddit_mcp.upstream.reddit_api.community_parts import Flairs, Moderators, WikiIndex
from reddit_mcp.upstream.source import Answer, Priority, Query, Source

T = TypeVar("T", bound=Value)

ListingSort = Literal["hot", "new", "top", "rising", "controversial"]
SearchSort = Literal["relevance", "hot", "top", "new", "comments"]
CommentSort = Literal["best", "top", "new", "controversial", "old", "qa"]
TimeFilter = Literal["hour", "day", "week", "month", "year", "all"]
TimeRange = tuple[int | None, int | None]
"""From a moment (inclusive) to another (exclusive), in seconds since 1970; None is open."""

TTL = {
    "new": 120,
    "rising": 180,
    "hot": 300,
    "top": 3600,
    "controversial": 3600,
    "search": 300,
    "comments": 900,
    "user": 600,
    "subreddit": 3600,
    "trending": 900,
    "sentiment": 3600,
}
"""Seconds an answer stays fresh, by sort or kind."""

PARTS: dict[type[Value], tuple[str, str]] = {
    Moderators: ("about/moderators", "moderators"),
    WikiIndex: ("wiki/pages", "wiki"),
    Flairs: ("api/link_flair_v2", "post flairs"),
}
"""Where more about a community is read, and what it is called."""

PAGE = 100
"""Things that Reddit puts on a page at most."""


def _pairs(**params: object) -> tuple[tuple[str, str], ...]:
    """Request parameters in a fixed order, without the empty ones."""
    return tuple((name, str(value)) for name, value in sorted(params.items()) if value not in ("", None, 0))


def _piece(name: str) -> str:
    """A validated name as one piece of a path; Reddit's names ignore case, so one spelling shares one cache entry."""
    return quote(name.lower(), safe="+")


class Reddit:
    """Reddit's read API over a Source. Names and ids must come through `reddit.names`.

    Raises:
        Failure: whatever the Source raises.
    """

    def __init__(self, source: Source, priority: Priority = Priority.HIGH, *, fresh: bool = False) -> None:
        self._source = source
        self._priority = priority
        self._fresh = fresh

    def at(self, priority: Priority, *, fresh: bool = False) -> "Reddit":
        """The same Reddit for work of another urgency; `fresh` posts, searches and infos come from no cache."""
        return Reddit(self._source, priority, fresh=fresh)

    async def posts(
        self, community: str, sort: ListingSort, time_filter: TimeFilter, limit: int = PAGE, after: str = ""
    ) -> Answer[Listing]:
        """A listing of a community, of several joined with `+`, of `all` or of `popular`."""
        windowed = sort in ("top", "controversial")
        return await self._source.fetch(
            Query(
                kind="listing",
                model=Listing,
                resource=f"community r/{community}",
                path=f"/r/{_piece(community)}/{sort}",
                params=_pairs(t=time_filter if windowed else "", limit=limit, after=after),
                ttl=TTL[sort],
                priority=self._priority,
                tags=communities(community),
                fresh=self._fresh,
            )
        )

    async def search(
        self,
        text: str,
        community: str,
        sort: SearchSort,
        time_filter: TimeFilter,
        limit: int = PAGE,
        after: str = "",
        within: TimeRange = (None, None),
        what: Literal["link", "comment"] = "link",
    ) -> Answer[Listing]:
        """Posts or comments that match Reddit's search syntax, within a community or in `all`.

        A range of dates replaces the time filter. Comments and ranges are questions of ours: a source answers them, or
        says what to ask instead.
        """
        ranged = within != (None, None)
        return await self._source.fetch(
            Query(
                kind="search",
                model=Listing,
                resource=f"community r/{community}",
                path=f"/r/{_piece(community)}/search",
                params=_pairs(
                    q=text,
                    sort=sort,
                    t="" if ranged else time_filter,
                    since=within[0],
                    until=within[1],
                    limit=limit,
                    after=after,
                    type=what,
                    restrict_sr="false" if community.lower() == "all" else "true",
                ),
                ttl=TTL["search"],
                priority=self._priority,
                tags=communities(community),
                fresh=self._fresh,
            )
        )

    async def thread(
        self,
        post_id: str,
        sort: CommentSort = "best",
        limit: int = 0,
        depth: int = 0,
        comment_id: str = "",
        context: int = 0,
    ) -> Answer[Thread]:
        """A post with its comments, or with one branch of them below so many (`context`) of its parents.

        Limit and depth 0 leave the choice to Reddit.
        """
        branch = f"/_/{_piece(comment_id)}" if comment_id else ""
        return await self._source.fetch(
            Query(
                kind="comments",
                model=Thread,
                resource=f"comment {comment_id} in post {post_id}" if comment_id else f"post {post_id}",
                path=f"/comments/{_piece(post_id)}{branch}",
                params=_pairs(sort=_api_sort(sort), limit=limit, depth=depth, context=context if comment_id else 0),
                ttl=TTL["comments"],
                priority=self._priority,
                tags=(f"post:{post_id}",),
            )
        )

    async def shared(self, path: str) -> Answer[Thread]:
        """Follow a share link by its path.

        Raises:
            NotFound: always, for no share link is a thread; `moved_to` says where it leads, if it leads anywhere.
        """
        return await self._source.fetch(
            Query(
                kind="comments",
                model=Thread,
                resource=f"share link {path}",
                path=path,
                ttl=TTL["comments"],
                priority=self._priority,
            )
        )

    async def more(self, post_id: str, children: Sequence[str], sort: CommentSort = "best") -> Answer[Branches]:
        """The collapsed comments with these ids; one request for all of them, as PRAW does."""
        return await self._source.fetch(
            Query(
                kind="comments",
                model=Branches,
                resource=f"post {post_id}",
                path="/api/morechildren",
                params=_pairs(children=",".join(children), link_id=f"t3_{post_id}", sort=_api_sort(sort)),
                method="POST",
                ttl=TTL["comments"],
                priority=self._priority,
                tags=(f"post:{post_id}",),
            )
        )

    async def user(self, name: str) -> Answer[User]:
        """An account's public profile."""
        return await self._source.fetch(
            Query(
                kind="user",
                model=User,
                resource=f"user u/{name}",
                path=f"/user/{_piece(name)}/about",
                ttl=TTL["user"],
                priority=self._priority,
                tags=(f"user:{name.lower()}",),
            )
        )

    async def history(
        self, name: str, what: Literal["overview", "submitted", "comments"], limit: int = PAGE, after: str = ""
    ) -> Answer[Listing]:
        """What an account posted, newest first."""
        return await self._source.fetch(
            Query(
                kind="user",
                model=Listing,
                resource=f"user u/{name}",
                path=f"/user/{_piece(name)}/{what}",
                params=_pairs(limit=limit, after=after, sort="new"),
                ttl=TTL["user"],
                priority=self._priority,
                tags=(f"user:{name.lower()}",),
            )
        )

    async def subreddit(self, name: str) -> Answer[Subreddit]:
        """A community's description and numbers."""
        return await self._of_community(name, "about", Subreddit)

    async def rules(self, name: str) -> Answer[Rules]:
        """A community's rules."""
        return await self._of_community(name, "about/rules", Rules)

    async def community_part(self, name: str, model: type[T]) -> Answer[T]:
        """A community's Moderators, WikiIndex or Flairs."""
        path, part = PARTS[model]
        return await self._of_community(name, path, model, f"{part} of ")

    async def _of_community(self, name: str, what: str, model: type[T], part: str = "") -> Answer[T]:
        return await self._source.fetch(
            Query(
                kind="subreddit",
                model=model,
                resource=f"{part}community r/{name}",
                path=f"/r/{_piece(name)}/{what}",
                ttl=TTL["subreddit"],
                priority=self._priority,
                tags=communities(name),
            )
        )

    async def find_communities(self, text: str, limit: int = PAGE, after: str = "") -> Answer[Communities]:
        """Communities about a topic; a source without such a search finds them by how their names begin."""
        return await self._source.fetch(
            Query(
                kind="search",
                model=Communities,
                resource="community",
                path="/subreddits/search",
                params=_pairs(q=text, limit=limit, after=after),
                ttl=TTL["search"],
                priority=self._priority,
            )
        )

    async def completions(self, start: str) -> Answer[Names]:
        """Names of communities that begin like this."""
        return await self._source.fetch(
            Query(
                kind="subreddit",
                model=Names,
                resource="community",
                path="/api/search_reddit_names",
                params=_pairs(query=start.lower(), include_over_18="false"),
                ttl=TTL["subreddit"],
                priority=self._priority,
            )
        )

    async def info(self, fullname: str, resource: str) -> Answer[Listing]:
        """Posts or comments by their fullnames (up to 100, joined with commas); what is gone is left out."""
        return await self._source.fetch(
            Query(
                kind="listing",
                model=Listing,
                resource=resource,
                path="/api/info",
                params=_pairs(id=fullname),
                ttl=TTL["comments"],
                priority=self._priority,
                fresh=self._fresh,
            )
        )


def communities(names: str) -> tuple[str, ...]:
    """The tags of the communities in `a+b`; `all` and `popular` have none."""
    return tuple(f"subreddit:{name}" for name in names.lower().split("+") if name not in ("all", "popular"))


def _api_sort(sort: CommentSort) -> str:
    """Reddit's API calls its best order "confidence"."""
    return "confidence" if sort == "best" else sort
