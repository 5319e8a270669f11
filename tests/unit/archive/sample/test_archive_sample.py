"""The bundled sample: repeatable, well-formed, varied, and true to what it claims."""

import statistics
from collections import Counter, defaultdict
from typing import Any

import pytest
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from reddit_mcp.archive.sample import generate
from reddit_mcp.archive.sample.sample_posts import slug

NOW = 1_790_000_000
HOUR, DAY = 3_600, 86_400

Sample = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def sample() -> Sample:
    kinds: Sample = defaultdict(list)
    for kind, data in generate(NOW):
        kinds[kind].append(data)
    return kinds


def test_same_seed_and_time_give_the_same_things() -> None:
    assert list(generate(NOW)) == list(generate(NOW))


def test_ids_and_texts_stay_while_time_moves_on(sample: Sample) -> None:
    later = [data for kind, data in generate(NOW + 5_000) if kind == "t1"]
    assert [(c["id"], c["body"]) for c in later] == [(c["id"], c["body"]) for c in sample["t1"]]
    assert {c["created_utc"] - d["created_utc"] for c, d in zip(later, sample["t1"], strict=True)} == {5_000}


def test_another_seed_gives_another_sample(sample: Sample) -> None:
    other = {data["id"] for kind, data in generate(NOW, seed=2) if kind == "t3"}
    assert other != {data["id"] for data in sample["t3"]}


def test_there_is_enough_of_everything(sample: Sample) -> None:
    assert len(sample["t5"]) >= 12
    assert len(sample["t3"]) >= 300
    assert len(sample["t1"]) >= 5_000
    counts = Counter(post["subreddit"] for post in sample["t3"])
    assert min(counts.values()) < 10
    assert "u_MarlowBakes" in counts


def test_everything_lies_in_the_last_thirty_days(sample: Sample) -> None:
    ages = [NOW - thing["created_utc"] for kind in ("t1", "t3") for thing in sample[kind]]
    assert min(ages) > 0
    assert max(ages) <= 30 * DAY
    posts = [NOW - post["created_utc"] for post in sample["t3"]]
    assert sum(age < HOUR for age in posts) >= 10
    assert sum(age < DAY for age in posts) >= 100


@pytest.mark.parametrize("kind", ["t1", "t3", "t5"])
def test_ids_are_unique_base_36_and_grow_with_time(sample: Sample, kind: str) -> None:
    ids = [thing["id"] for thing in sample[kind]]
    assert len(set(ids)) == len(ids)
    assert all(6 <= len(one) <= 7 and one == one.lower() and int(one, 36) for one in ids)
    assert all(thing["name"] == f"{kind}_{thing['id']}" for thing in sample[kind])
    if kind != "t5":
        ordered = sorted(sample[kind], key=lambda thing: int(thing["id"], 36))
        times = [thing["created_utc"] for thing in ordered]
        assert times == sorted(times)


def test_every_reference_leads_somewhere(sample: Sample) -> None:
    posts, homes = {p["name"]: p for p in sample["t3"]}, {c["name"]: c for c in sample["t5"]}
    people = {f"t2_{user['id']}": user["name"] for user in sample["t2"] if "id" in user}
    people |= {user["name"]: user["name"] for user in sample["t2"]}
    known = set(people.values())
    for thing in sample["t3"] + sample["t1"]:
        assert homes[thing["subreddit_id"]]["display_name"] == thing["subreddit"]
        assert thing["author"] == "[deleted]" or thing["author"] in known
        assert ("author_fullname" in thing) == (thing["author"] != "[deleted]")
    assert {c["link_id"] for c in sample["t1"]} <= set(posts)


def test_comments_form_trees(sample: Sample) -> None:
    by_name = {thing["name"]: thing for kind in ("t1", "t3") for thing in sample[kind]}
    for comment in sample["t1"]:
        parent = by_name[comment["parent_id"]]
        assert comment["depth"] == parent.get("depth", -1) + 1
        assert comment["created_utc"] >= parent["created_utc"]
        assert parent["name"].startswith("t3_") or int(parent["id"], 36) < int(comment["id"], 36)
        assert comment["link_id"] in (parent["name"], parent.get("link_id"))


def test_posts_know_how_many_comments_they_have(sample: Sample) -> None:
    counts = Counter(comment["link_id"] for comment in sample["t1"])
    assert all(post["num_comments"] == counts[post["name"]] for post in sample["t3"])
    assert max(counts.values()) > 500


def test_threads_are_deep(sample: Sample) -> None:
    assert max(comment["depth"] for comment in sample["t1"]) >= 8


def test_few_comments_repeat_another(sample: Sample) -> None:
    bodies = [comment["body"] for comment in sample["t1"]]
    assert 1 - len(set(bodies)) / len(bodies) < 0.10


def test_frames_are_filled(sample: Sample) -> None:
    texts = [post["title"] for post in sample["t3"]] + [comment["body"] for comment in sample["t1"]]
    frames = ("{thing", "{like", "{gripe", "{tip", "{fact", "{story", "{ask", "{period", "{rule")
    assert not [text for text in texts if any(frame in text for frame in frames)]
    assert all(post["title"] and len(post["title"]) <= 300 for post in sample["t3"])


def test_it_says_that_it_is_invented(sample: Sample) -> None:
    note = "ample data, invented for reddit-mcp"
    assert all(note in community["public_description"] for community in sample["t5"])
    assert all(note in user["subreddit"]["public_description"] for user in sample["t2"] if "is_suspended" not in user)
    pinned = {post["subreddit"]: post["selftext"] for post in sample["t3"] if post["stickied"]}
    assert len(pinned) == len(sample["t5"])
    assert all(note in text for text in pinned.values())


def test_every_sort_of_post_occurs(sample: Sample) -> None:
    posts = sample["t3"]
    for flag in ("over_18", "spoiler", "is_video", "is_self", "stickied"):
        assert 0 < sum(post[flag] for post in posts) < len(posts), flag
    assert any(not post["is_self"] and not post["is_video"] for post in posts)
    assert any(post["link_flair_text"] for post in posts)
    assert any(post["score"] == 0 and post["upvote_ratio"] < 0.5 for post in posts)
    assert any(post["selftext"] == "[removed]" for post in posts)


def test_every_sort_of_comment_occurs(sample: Sample) -> None:
    comments = sample["t1"]
    parents = {comment["parent_id"] for comment in comments}
    assert any(c["author"] == "[deleted]" and c["body"] == "[deleted]" and c["name"] in parents for c in comments)
    assert any(c["author"] == "[deleted]" and c["body"] not in ("[deleted]", "[removed]") for c in comments)
    assert any(c["body"] == "[removed]" for c in comments)
    assert any(c["distinguished"] == "moderator" and c["stickied"] for c in comments)
    assert any(c["is_submitter"] for c in comments)
    assert any(c["controversiality"] for c in comments)
    assert min(c["score"] for c in comments) < 0 < max(c["score"] for c in comments)


@pytest.mark.parametrize(
    ("low", "high"), [("\u3040", "\u30ff"), ("\u0600", "\u06ff"), ("\u0400", "\u04ff"), ("\U0001f300", "\U0001faff")]
)
def test_scripts_of_the_world_occur(sample: Sample, low: str, high: str) -> None:
    def has(text: str) -> bool:
        return any(low <= char <= high for char in text)

    assert any(has(post["title"]) for post in sample["t3"])
    assert any(has(comment["body"]) for comment in sample["t1"])


def test_markup_characters_stand_as_typed(sample: Sample) -> None:
    text = next(post["selftext"] for post in sample["t3"] if "List<Map<String" in post["selftext"])
    assert "a < b" in text
    assert "&&" in text
    assert "<b>" in text


@pytest.mark.parametrize(
    ("topic", "window"), [("Lumenite firmware", HOUR), ("Comet Vesper", DAY), ("Tram strike", DAY)]
)
def test_news_rises_in_its_window_alone(sample: Sample, topic: str, window: int) -> None:
    posts = [post for post in sample["t3"] if topic.lower() in post["title"].lower()]
    assert len({post["author"] for post in posts}) >= 5
    assert all(NOW - post["created_utc"] < window for post in posts)


def test_communities_have_their_moods(sample: Sample) -> None:
    vader = SentimentIntensityAnalyzer()
    bodies: dict[str, list[float]] = defaultdict(list)
    for comment in sample["t1"]:
        if len(bodies[comment["subreddit"]]) < 120:
            bodies[comment["subreddit"]].append(vader.polarity_scores(comment["body"])["compound"])
    mood = {name: statistics.mean(scores) for name, scores in bodies.items()}
    assert min(mood["BackyardSkies"], mood["WeeknightKitchen"]) > 0.15
    assert max(mood["PortHalden"], mood["HomeAutomationLab"]) < -0.05


def test_permalinks_are_readable() -> None:
    assert slug("Why does `if (a < b)` read better?") == "why_does_if_a_b_read_better"
    assert slug("朝のコーヒー") == "_"
    assert len(slug("word " * 40)) <= 50
