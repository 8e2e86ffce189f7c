"""Secrets stay out of the logs; metrics are buffered by name and label."""

import pytest

from actors.measures import METRICS
from infra.logs import HIDDEN, scrub
from infra.metrics import PlainMetrics


def test_secrets_are_hidden_by_key_and_by_shape_at_any_depth():
    event = {
        "event": "开始 start",
        "password": "hunter2",
        "url": "redis://:hunter2@host/0",
        "inner": {"access_token": "hunter2", "list": ["postgresql://me:hunter2@host/d"]},
        "said": "eyJhbGciOi.eyJzdWIi.c2ln",
        "org": "acme",
    }
    clean = scrub(None, "info", event)
    assert "hunter2" not in str(clean)
    assert clean["said"] == HIDDEN
    assert (clean["org"], clean["event"]) == ("acme", "开始 start")


def test_counts_add_up_by_label_and_histograms_fall_into_buckets():
    metrics = PlainMetrics()
    metrics.add("defects_total", label="session")
    metrics.add("defects_total", 2, label="session")
    metrics.add("batch_commands", 2.0)
    metrics.add("batch_commands", 5000.0)
    metrics.set("entities", 7, "agent")
    assert metrics.counts == {("defects_total", "session"): 3}
    assert metrics.seen["batch_commands", ""][1] == 1
    assert metrics.seen["batch_commands", ""][-1] == 1
    assert metrics.gauges == {("entities", "agent"): 7}


def test_a_name_outside_the_table_is_an_error():
    with pytest.raises(KeyError):
        PlainMetrics().add("typo_total")
    with pytest.raises(KeyError):
        PlainMetrics().set("errors_total", 1)


def test_what_is_an_organisations_is_counted_for_it_alone():
    metrics = PlainMetrics()
    for org, n in (("acme", 1), ("other", 2)):
        metrics.add("enqueued_total", n, "vip", org)
        metrics.set("queue_length", n, "vip", org)
        metrics.add("commits_total", 1, org=org)
    assert metrics.counts == {
        ("enqueued_total", "vip", "acme"): 1,
        ("enqueued_total", "vip", "other"): 2,
        ("commits_total", ""): 2,
    }
    assert metrics.gauges["queue_length", "vip", "other"] == 2
    for name in ("sessions", "messages_total", "queue_length", "offers_total", "agents"):
        assert METRICS[name].org
