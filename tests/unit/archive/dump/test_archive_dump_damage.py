"""Dump lines damaged in every way, and what the import keeps."""

import json
import random
from pathlib import Path

from tests.support.dump_import import comment, ids, line, packed, post, run, thread, wrapped

VICTIMS = [
    line(wrapped("t1", comment(1, id="vc1", author="someone", score=3, created_utc=1_500_000_000, parent_id="t1_vc0"))),
    line(post(1, id="vp1", name="t3_vp1", author="someone", created_utc="1500000000", edited=False, preview={})),
    line({"name": "victim", "link_karma": 1, "created_utc": 1.5e9}),
    line({"display_name": "victims", "title": "Victims", "url": "/r/victims/", "subscribers": 12}),
    line(thread()),
]
HARM = [b"\n", b"\r", b"\0", b"\xff", b"\xc3", b'"', b"{", b"}", b"[", b"]", b"\\", b"\\ud800", b"9" * 400, b"1e999",
        b"-", b"NaN", b"null", b"&amp;", b",", b":", b"\xe2\x80\xa8", b"true", b"t5", b"_"]  # fmt: skip


def harmed(victim: bytes, rng: random.Random) -> bytes:
    """A line with one to three places cut out, overwritten or filled."""
    body = bytearray(victim.rstrip(b"\n"))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(body) + 1)
        body[at : at + rng.choice((0, 0, 1, 1, 7))] = rng.choice((b"", rng.choice(HARM), rng.randbytes(1)))
    return bytes(body) + b"\n"


def test_ten_thousand_damaged_lines_cost_no_other_line(tmp_path: Path) -> None:
    rng = random.Random(20)
    sound = [line(comment(number, id=f"zz{number:05}", body=f"sound {number}")) for number in range(2_001)]
    parts = [sound[0]]
    for at in range(2_000):
        parts += [harmed(rng.choice(VICTIMS), rng) for _ in range(5)]
        parts.append(sound[at + 1])
    report = run(tmp_path / "db", packed(tmp_path, "a", b"".join(parts)))
    kept = ids(tmp_path / "db", "comment")
    assert all(int(f"zz{number:05}", 36) in kept for number in range(2_001))
    assert 1_000 < report.bad_lines < report.lines
    assert report.lines >= 12_001


GARBAGE = [
    "null", "true", "[]", "{}", '""', '" "', "-1", "0", "1.5", "1e999", "-1e999", "NaN", "9" * 400, "1" * 30,
    '"\\ud800"', '"\\u0000"', '"[deleted]"', '"t1_"', '"t3_zzzzzzzzzzzzzzzzzzzzzzzzz"', '"1500000000.5"', '"&lt;"',
    "[" * 300 + "]" * 300, '"' + "x" * 9_000 + '"', '{"kind": "Listing", "data": 5}',
]  # fmt: skip


def test_no_value_of_any_field_stops_the_import(tmp_path: Path) -> None:
    full = [
        wrapped("t1", comment(1, name="t1_c00001", parent_id="t1_b", author="a", score=1, downs=0, controversiality=0,
                              created_utc=1, retrieved_on=1, replies="", permalink="/r/tea/", subreddit_id="t5_a",
                              stickied=False, edited=False, body_html="<p>", distinguished=None, depth=0)),
        wrapped("t3", post(1, name="t3_p00001", author="a", score=1, ups=1, downs=0, upvote_ratio=0.5, num_comments=1,
                           created_utc=1, retrieved_utc=1, url="https://a.b/", domain="a.b", permalink="/r/tea/",
                           is_self=False, over_18=False, stickied=False, link_flair_text="", selftext_html="<p>")),
        wrapped("t2", {"name": "a", "id": "b", "link_karma": 1, "created_utc": 1, "retrieved_on": 1}),
        wrapped("t5", {"display_name": "a", "id": "b", "name": "t5_b", "title": "", "public_description": "",
                       "subscribers": 1, "url": "/r/a/", "rules": [], "retrieved_on": 1}),
    ]  # fmt: skip
    parts = [line(thing) for thing in full]
    for thing in full:
        for field in thing["data"]:
            text = json.dumps(thing | {"data": thing["data"] | {field: "@"}})
            parts += [text.replace('"@"', garbage).encode() + b"\n" for garbage in GARBAGE]
    sentinel = line(comment(1, id="zzzzzz"))
    report = run(tmp_path / "db", packed(tmp_path, "a", b"".join([*parts, sentinel])))
    assert report.lines == len(parts) + 1
    assert int("zzzzzz", 36) in ids(tmp_path / "db", "comment")
