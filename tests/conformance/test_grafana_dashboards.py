"""The Grafana dashboards: well formed, and every query is over a metric and labels that exist."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from reddit_mcp.observability import metrics

FOLDER = Path(__file__).parents[2] / "monitoring" / "grafana"
DASHBOARDS: dict[str, Any] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((FOLDER / "dashboards").glob("*.json"))
}
LABELS = {name: set(labels) for name, _, labels, _ in metrics.catalogue()}
OF_PROCESS = {"process_resident_memory_bytes"}


def queries(dashboard: Any) -> list[Any]:
    return [target for panel in dashboard["panels"] for target in panel["targets"]]


def test_the_four_are_there() -> None:
    assert set(DASHBOARDS) == {"overview", "resilience", "rate-limiting", "caching"}
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == 4


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_query_is_over_what_exists(name: str) -> None:
    for target in queries(DASHBOARDS[name]):
        named = re.findall(r"((?:reddit_mcp|process)_\w+)(?:\{([^}]*)\})?", target["expr"])
        assert named
        for metric, selector in named:
            known = LABELS.get(re.sub(r"_bucket$", "", metric), set() if metric in OF_PROCESS else None)
            assert known is not None, metric
            grouped = re.findall(r"by \(([^)]*)\)", target["expr"])
            asked = {label.strip() for group in grouped for label in group.split(",")} - {"le"}
            assert asked | set(re.findall(r"(\w+)=", selector)) <= known
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) - {"instance"} <= known


@pytest.mark.parametrize("name", DASHBOARDS)
def test_its_panels_can_be_drawn(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
    sources = yaml.safe_load((FOLDER / "provisioning" / "datasources" / "prometheus.yml").read_text())
    assert {panel["datasource"]["uid"] for panel in panels} == {each["uid"] for each in sources["datasources"]}


def test_every_metric_is_looked_at_somewhere() -> None:
    """What nobody sees is not worth its cost."""
    text = json.dumps(DASHBOARDS)
    assert [name for name in LABELS if name not in text] == []
