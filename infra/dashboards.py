"""Writes the Grafana dashboard from the table of metrics: `python -m infra.dashboards`.

Every metric has a panel, so a new one cannot be forgotten; a test keeps the file in step.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from actors.measures import METRICS, Measure, dimensions

FILE = Path(__file__).parent / "deploy" / "grafana" / "raydesk.json"
PREFIX = "ray_raydesk_"
COLUMNS, WIDTH, HEIGHT = 3, 8, 7


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    panels = [_panel(n, name, measure) for n, (name, measure) in enumerate(METRICS.items())]
    return {
        "uid": "raydesk",
        "title": "Raydesk",
        "tags": ["raydesk"],
        "timezone": "browser",
        "refresh": "10s",
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "panels": panels,
    }


def encoded() -> bytes:
    """Return the file's text."""
    return msgspec.json.format(msgspec.json.encode(dashboard()), indent=1) + b"\n"


def _panel(n: int, name: str, measure: Measure) -> dict[str, Any]:
    return {
        "id": n + 1,
        "type": "timeseries",
        "title": measure.help,
        "description": name,
        "datasource": {"type": "prometheus"},
        "gridPos": {
            "x": (n % COLUMNS) * WIDTH,
            "y": (n // COLUMNS) * HEIGHT,
            "w": WIDTH,
            "h": HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": "s" if "seconds" in name else "short"}},
        "targets": [
            {"expr": expr, "legendFormat": legend, "refId": chr(ord("A") + i)}
            for i, (expr, legend) in enumerate(_queries(name, measure))
        ],
    }


def _queries(name: str, measure: Measure) -> list[tuple[str, str]]:
    labels = dimensions(measure)
    by = f"by ({', '.join(labels)}) " if labels else ""
    legend = " ".join(f"{{{{{label}}}}}" for label in labels) or name
    metric = PREFIX + name
    match measure.kind:
        case "counter":
            return [(f"sum {by}(rate({metric}[1m]))", f"{legend} a second")]
        case "gauge":
            worst = "max" if name.endswith("seconds") else "sum"
            return [(f"{worst} {by}({metric})", legend)]
        case "histogram":
            more, whose = (", org", " {{org}}") if measure.org else ("", "")
            bucket = f"sum by (le{more}) (rate({metric}_bucket[1m]))"
            return [
                (f"histogram_quantile({q}, {bucket})", f"p{q * 100:g}{whose}") for q in (0.5, 0.99)
            ]


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_bytes(encoded())
    sys.stdout.write(f"wrote {FILE}\n")
