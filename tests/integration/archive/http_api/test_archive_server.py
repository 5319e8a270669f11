"""The archive's server: it starts, ends, and stands beside others."""

import socket
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from reddit_mcp.archive.http_api.archive_server import _listen, serving
from reddit_mcp.archive.sqlite.sqlite_store import SqliteStore
from tests.support.archive_records import NOW, archive, post


def test_the_counter_starts_anew_with_a_window(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("reddit_mcp.archive.http_api.reddit_api_app._WINDOW", 0.0)
    with SqliteStore(archive(tmp_path / "a.sqlite")) as store, serving(store) as url:
        for _ in range(2):
            answer = httpx.get(f"{url}/new", headers={"authorization": "bearer x"}, trust_env=False)
            assert answer.headers["x-ratelimit-used"] == "1"
        assert answer.headers["x-archive-span"] == "0-0"
        assert answer.json()["data"]["children"] == []


def test_two_servers_live_beside_each_other_and_end(tmp_path: Path) -> None:
    one, two = (archive(tmp_path / f"{name}.sqlite", post(name)) for name in ("a", "b"))
    headers = {"authorization": "bearer x"}
    with SqliteStore(one) as first, SqliteStore(two) as second, serving(first) as url:
        with serving(second) as other:
            names = [
                httpx.get(f"{each}/new", headers=headers, trust_env=False).json()["data"]["children"][0]["data"]["name"]
                for each in (url, other)
            ]
            assert names == ["t3_a", "t3_b"]
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{other}/new", headers=headers, trust_env=False)


def test_an_import_is_served_at_once(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.sqlite", post("a"))
    with SqliteStore(path) as store, serving(store) as url:
        archive(path, post("b", created_utc=NOW + 1))
        answer = httpx.get(f"{url}/new", headers={"authorization": "bearer x"}, trust_env=False)
        assert [child["data"]["id"] for child in answer.json()["data"]["children"]] == ["b", "a"]
        assert answer.headers["x-archive-span"] == f"{NOW}-{NOW + 1}"


def test_a_taken_port_is_an_error_at_once(tmp_path: Path) -> None:
    with SqliteStore(archive(tmp_path / "a.sqlite")) as store, serving(store) as url:
        taken = serving(store, port=int(url.rsplit(":", 1)[1]))
        with pytest.raises(OSError, match="in use"):
            taken.__enter__()


def test_answers_do_not_wait_for_acknowledgements() -> None:
    with closing(_listen("127.0.0.1", 0)) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_ipv6(tmp_path: Path) -> None:
    with SqliteStore(archive(tmp_path / "a.sqlite")) as store:
        try:
            with serving(store, host="::1") as url:
                assert url.startswith("http://[::1]:")
                assert (
                    httpx.get(f"{url}/new", headers={"authorization": "bearer x"}, trust_env=False).status_code == 200
                )
        except OSError:
            pytest.skip("no IPv6 here")
