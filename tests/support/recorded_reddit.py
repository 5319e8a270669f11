"""Recorded traffic as scripts for the server on loopback."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.scripted_reddit import Reply, Request

Json = Any
LIMITS = ("x-ratelimit-remaining", "x-ratelimit-used", "x-ratelimit-reset")
SENT = ("content-type", "location", "retry-after", "www-authenticate", *LIMITS)


@dataclass(frozen=True)
class Exchange:
    """One recorded question and its answer."""

    id: str
    session: str
    method: str
    path: str
    params: dict[str, str]
    status: int
    json: Json
    reply: Reply

    @property
    def raw(self) -> bool:
        """Whether the text was asked for without HTML escaping."""
        return self.params.get("raw_json") == "1"


def exchanges(corpus: Path, *names: str) -> list[Exchange]:
    """Every exchange of these files, in their order."""
    files = (corpus / "exchanges" / f"{name}.jsonl" for name in names)
    # Not splitlines(): JSON may hold other line separators than \n.
    lines = (line for file in files for line in file.read_text(encoding="utf-8").split("\n") if line)
    return [_exchange(json.loads(line)) for line in lines]


def _exchange(record: Json) -> Exchange:
    request, response = record["request"], record["response"]
    headers = {name: response["headers"][name] for name in SENT if response["headers"].get(name)}
    body = json.dumps(response["json"]) if "json" in response else response.get("text", "")
    return Exchange(
        id=record["id"],
        session=record["session"],
        method=request["method"],
        path=_plain(request["path"]),
        params=dict(map(tuple, request["query"] + request["form"])),
        status=response["status"],
        json=response.get("json"),
        reply=Reply(response["status"], body.encode(), headers),
    )


def _plain(path: str) -> str:
    return re.sub(r"\.json$", "", path).rstrip("/").lower()


class Session:
    """The exchanges of one recorded session, found by path and, for collapsed comments, by their ids."""

    def __init__(self, recorded: list[Exchange]) -> None:
        self._recorded = recorded
        self.served: list[Exchange] = []

    def answer(self, request: Request) -> Reply:
        """The recorded answer; 599 where there is none."""
        asked = request.query | request.form
        for exchange in self._recorded:
            if exchange.path == _plain(request.path) and _ids(exchange.params) == _ids(asked):
                self.served.append(exchange)
                return exchange.reply
        return Reply(599)


def _ids(params: dict[str, str]) -> set[str]:
    return set(params.get("children", "").split(","))
