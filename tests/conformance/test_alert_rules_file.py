"""The Prometheus rules: the server's own, over metrics that exist, with labels that they have."""

import re
from pathlib import Path
from typing import Any

import yaml

from reddit_mcp.alerting.alert_rules import Figures, findings
from reddit_mcp.observability import metrics

FILE = Path(__file__).parents[2] / "monitoring" / "prometheus" / "alerts.yml"
GROUPS: Any = yaml.safe_load(FILE.read_text(encoding="utf-8"))
RULES = {rule["alert"]: rule for group in GROUPS["groups"] for rule in group["rules"]}
LABELS = {name: set(labels) for name, _, labels, _ in metrics.catalogue()}


def test_every_rule_of_the_server_is_there() -> None:
    everything = Figures(100, 100, 1e6, 100, 0, 100, 1000, 1, 1, ["reddit"])
    assert set(RULES) == {finding.rule for finding in findings(everything)}


def test_every_metric_exists_with_the_labels_that_are_asked_for() -> None:
    for rule in RULES.values():
        named = re.findall(r"(reddit_mcp_\w+)(?:\{([^}]*)\})?", rule["expr"])
        assert named
        for name, selector in named:
            known = LABELS[re.sub(r"_(bucket|count|sum)$", "", name)]
            assert set(re.findall(r"(\w+)=", selector)) <= known
        assert {"severity"} <= set(rule["labels"])
        assert rule["annotations"]["summary"]
