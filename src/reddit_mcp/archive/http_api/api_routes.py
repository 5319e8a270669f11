"""Each path of the API as one function from a call to Reddit's JSON."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from reddit_mcp.archive.archive_store import Order, Store, Thing
from reddit_mcp.archive.http_api import reddit_json
from reddit_mcp.archive.http_api.api_call import Call, NoSuchCommunityError, NotFoundError
from reddit_mcp.archive.http_api.comment_tree import DEEPEST, Branch, Part, Tree, flat, shown_order
from reddit_mcp.archive.sqlite.raw_fields import base36, identity, text

Found = dict[str, Any] | list[Any]
_ORDERS = ("hot", "new", "top", "rising", "controversial", "best")
_COMMENTS, _MOST_COMMENTS = 200, 500
_MORE_AT_ONCE = 100
_CONTEXT = 8
_MOST_NAMED = 100


def posts(call: Call) -> Found:
    """/hot, /r/NAME/hot and the other orders; `best` is hot without a reader's subscriptions."""
    named = call.path.get("order", "hot")
    if named not in _ORDERS:
        raise NotFoundError
    order: Order = "hot" if named == "best" else cast("Order", named)
    return _page(call, call.store.listing(call.communities(), order, call.period("day")))


def search(call: Call) -> Found:
    """/search and /r/NAME/search; a community counts with restrict_sr only.

    Beyond Reddit's: `type=comment` finds comments, `since` and `until` (seconds) limit the time.
    """
    places = call.communities()
    order = call.order("relevance", "hot", "top", "new", "comments")
    find = call.store.search_comments if call.given.get("type") == "comment" else call.store.search
    when = call.time_range() or call.period("all")
    return _page(call, find(call.given.get("q", ""), places if call.flag("restrict_sr") else None, order, when))


def comments(call: Call) -> Found:
    """A post and its comments: two listings."""
    post = _post(call.store, call.path["post"])
    tree = Tree(call.store.thread(post["id"]), shown_order(post, call.given.get("sort", "confidence")))
    limit = call.number("limit", _COMMENTS, 1, _MOST_COMMENTS)
    depth = call.number("depth", DEEPEST, 1, DEEPEST)
    focus = call.path.get("comment") or call.given.get("comment")
    if focus:
        parts = tree.focus(identity(focus) or 0, call.number("context", 0, 0, _CONTEXT), limit, depth)
    else:
        parts = tree.top(limit, depth)
    replies = reddit_json.nested(parts, _bodies(call.store, parts), f"t3_{post['id']}")
    return [reddit_json.listing([reddit_json.post(post)]), reddit_json.listing(replies)]


def morechildren(call: Call) -> Found:
    """Collapsed comments, flat: about a hundred, and `more` nodes for the rest."""
    post = _post(call.store, call.given.get("link_id", ""))
    tree = Tree(call.store.thread(post["id"]), shown_order(post, call.given.get("sort", "confidence")))
    asked = [number for each in call.given.get("children", "").split(",") if (number := identity(each)) is not None]
    depth = 1 if call.flag("limit_children") else call.number("depth", DEEPEST, 1, DEEPEST)
    parts = tree.more(asked, _MORE_AT_ONCE, depth)
    things = reddit_json.flattened(parts, _bodies(call.store, parts), f"t3_{post['id']}")
    return {"json": {"errors": [], "data": {"things": things}}}


def info(call: Call) -> Found:
    """/api/info?id=..., /by_id/...: things by fullname, those unknown left out."""
    names = (call.path.get("names") or call.given.get("id", "")).split(",")[:_MOST_NAMED]
    return reddit_json.listing(_shown(call.store, names))


def about_user(call: Call) -> Found:
    """/user/NAME/about."""
    data = call.store.user(call.path["name"])
    if data is None:
        raise NotFoundError
    return reddit_json.user(data)


def history(call: Call) -> Found:
    """/user/NAME/submitted, /comments and /overview."""
    kinds = {"submitted": ["t3"], "comments": ["t1"], "overview": ["t1", "t3"]}.get(call.path.get("what", "overview"))
    if kinds is None or call.store.user(call.path["name"]) is None:
        raise NotFoundError
    order = call.order("new", "hot", "top", "controversial")
    return _page(call, call.store.history(call.path["name"], kinds, order, call.period("all")))


def about_subreddit(call: Call) -> Found:
    """/r/NAME/about."""
    return reddit_json.subreddit(_community(call))


def rules(call: Call) -> Found:
    """/r/NAME/about/rules."""
    return reddit_json.rules(_community(call))


def subreddits(call: Call) -> Found:
    """/subreddits/search?q= and /subreddits/popular, the biggest first."""
    found = [reddit_json.subreddit(data) for data in call.store.communities(call.given.get("q", ""))]
    names = [text(each["data"].get("name")) or text(each["data"].get("display_name")) for each in found]
    chosen, after, before = call.cut(names)
    return reddit_json.listing([found[at] for at in chosen], after, before)


def names(call: Call) -> Found:
    """/api/search_reddit_names: names that begin with `query`; with `exact`, that name alone or 404."""
    query = call.given.get("query", "")
    found = call.store.names(query)
    if call.flag("exact"):
        found = [name for name in found if name.lower() == query.lower()]
        if not found:
            raise NotFoundError
    return {"names": found[:10]}


def autocomplete(call: Call) -> Found:
    """/api/subreddit_autocomplete_v2: communities whose names begin with `query`."""
    found = call.store.names(call.given.get("query", ""))[: call.number("limit", 5, 1, 10)]
    described = [data for name in found if (data := call.store.community(name)) is not None]
    return reddit_json.listing(reddit_json.subreddit(data) for data in described)


def _community(call: Call) -> dict[str, Any]:
    data = call.store.community(call.path["subreddit"])
    if data is None:
        raise NoSuchCommunityError(call.path["subreddit"])
    return data


def _post(store: Store, asked: str) -> dict[str, Any]:
    number = identity(asked)
    found = store.things([f"t3_{base36(number)}"]) if number is not None else []
    if found:
        return found[0][1]
    return _placeholder(store, base36(number or 0))


def _placeholder(store: Store, identity: str) -> dict[str, Any]:
    """A post of which the archive has the comments alone."""
    nodes = store.thread(identity)
    if not nodes:
        raise NotFoundError
    ((_, comment), *_) = store.things([f"t1_{base36(nodes[0].id)}"])
    place = text(comment.get("subreddit"))
    return {
        "id": identity,
        "title": "[This post is not in this archive, only its comments are]",
        "author": "[deleted]",
        "subreddit": place,
        "selftext": "",
        "is_self": True,
        "created_utc": None,
        "num_comments": len(nodes),
        "permalink": f"/r/{place}/comments/{identity}/",
    }


def _bodies(store: Store, parts: Sequence[Part]) -> dict[int, dict[str, Any]]:
    wanted = [part.node.id for part in flat(parts) if isinstance(part, Branch)]
    found = store.things([f"t1_{base36(number)}" for number in wanted])
    return {int(data["id"], 36): data for _, data in found}


def _page(call: Call, fullnames: Sequence[str]) -> Found:
    chosen, after, before = call.cut(fullnames)
    return reddit_json.listing(_shown(call.store, [fullnames[at] for at in chosen]), after, before)


def _shown(store: Store, fullnames: Sequence[str]) -> list[dict[str, Any]]:
    """Things in the form of listings, where a comment names its post."""
    found = store.things(fullnames)
    links = {text(data.get("link_id")) for kind, data in found if kind == "t1"}
    titles = {f"t3_{data['id']}": reddit_json.post(data)["data"] for _, data in store.things(sorted(links))}
    return [_titled(each, titles) for each in found]


def _titled(each: Thing, posts: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    shown = reddit_json.thing(each)
    post = posts.get(shown["data"].get("link_id", ""))
    if each[0] == "t1" and post is not None:
        link = {"link_title": "title", "link_author": "author", "link_url": "url", "num_comments": "num_comments"}
        known = {name: post[field] for name, field in link.items() if field in post}
        shown["data"] = known | {"link_permalink": f"https://www.reddit.com{post['permalink']}"} | shown["data"]
    return shown


TABLE: dict[str, Callable[[Call], Found]] = {
    "/": posts,
    "/search": search,
    "/subreddits/search": subreddits,
    "/subreddits/popular": subreddits,
    "/api/info": info,
    "/by_id/{names}": info,
    "/api/morechildren": morechildren,
    "/api/search_reddit_names": names,
    "/api/subreddit_autocomplete_v2": autocomplete,
    "/comments/{post}": comments,
    "/comments/{post}/{slug}": comments,
    "/comments/{post}/{slug}/{comment}": comments,
    "/r/{subreddit}": posts,
    "/r/{subreddit}/search": search,
    "/r/{subreddit}/about": about_subreddit,
    "/r/{subreddit}/about/rules": rules,
    "/r/{subreddit}/comments/{post}": comments,
    "/r/{subreddit}/comments/{post}/{slug}": comments,
    "/r/{subreddit}/comments/{post}/{slug}/{comment}": comments,
    "/r/{subreddit}/{order}": posts,
    "/user/{name}": history,
    "/user/{name}/about": about_user,
    "/user/{name}/{what}": history,
    "/{order}": posts,
}
"""Paths without a trailing slash or .json; the first that fits answers."""
