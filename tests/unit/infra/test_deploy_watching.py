"""Compose, Prometheus, the alerts and the dashboard name what there is."""

import re
from pathlib import Path

import pytest
import yaml

from actors.measures import METRICS, dimensions
from infra import dashboards

DEPLOY = Path(__file__).parents[3] / "infra" / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
GROUPS = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def exported() -> dict[str, set[str]]:
    """Return every exported name -> its metric's labels."""
    return {
        f"{dashboards.PREFIX}{name}{suffix}": set(dimensions(one))
        for name, one in METRICS.items()
        for suffix in SUFFIXES[one.kind]
    }


def names_in(expression: str) -> list[str]:
    return re.findall(rf"\b{dashboards.PREFIX}\w+", expression)


def labels_in(expression: str) -> set[str]:
    return {
        label.strip()
        for part in re.findall(r"by \(([^)]*)\)", expression)
        for label in part.split(",")
    }


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_watches_metrics_and_labels_that_exist(name: str) -> None:
    rule, known = ALERTS[name], exported()
    used = names_in(rule["expr"])
    assert used
    allowed = {"le"}.union(*(known[metric] for metric in used))
    assert labels_in(rule["expr"]) <= allowed
    shown = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert shown <= labels_in(rule["expr"])


@pytest.mark.parametrize("name", ALERTS)
def test_a_counter_is_watched_by_its_growth(name: str) -> None:
    expression = ALERTS[name]["expr"]
    for metric in names_in(expression):
        if METRICS.get(metric.removeprefix(dashboards.PREFIX), METRICS["inbox"]).kind == "counter":
            assert re.search(rf"(rate|increase)\({metric}\[", expression)


def test_the_dashboard_is_what_the_metric_table_says() -> None:
    assert dashboards.FILE.read_bytes() == dashboards.encoded()


def test_prometheus_finds_the_alerts_where_compose_puts_them() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())["rule_files"]
    mounted = [volume.split(":")[1] for volume in COMPOSE["services"]["prometheus"]["volumes"]]
    assert [f"/etc/prometheus/{rule}" in mounted for rule in rules] == [True]


def test_compose_mounts_files_that_exist() -> None:
    for service in COMPOSE["services"].values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (DEPLOY / source).exists()
            elif not source.startswith("/"):
                assert source in COMPOSE["volumes"]


def test_compose_pins_every_image() -> None:
    for service in COMPOSE["services"].values():
        _, _, tag = service["image"].rpartition(":")
        assert re.search(r"\d", tag)


def test_compose_opens_no_port_to_the_network() -> None:
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_journal_of_compose_keeps_what_was_acknowledged() -> None:
    command = COMPOSE["services"]["redis"]["command"]
    assert "--appendonly yes --appendfsync always --maxmemory-policy noeviction" in command
