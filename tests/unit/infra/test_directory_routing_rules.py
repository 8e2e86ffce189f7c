"""Routing settings as people write them: checked on entry, compiled for the actors."""

import pytest
from pydantic import ValidationError

from actors.config import RelaxStep
from infra.directory.compiling import _queue
from infra.directory.declared_rows import DeclaredAgent, DeclaredQueue

RULES = {
    "name": "Sales",
    "relax": [{"after_s": 10, "needs": {"sql": 2}}, {"after_s": 30, "anyone": True}],
    "match_language": True,
    "named_wait_s": 20,
    "quota_per_day": 40,
    "channel": "mail",
    "weights": {"ann": 2},
    "overflow_eta_s": 300,
    "overflow_message": True,
    "message_unstaffed": True,
}


def test_every_rule_reaches_the_actors():
    made = _queue("sales", DeclaredQueue.model_validate(RULES), {})
    assert made.relax == [
        RelaxStep(after_s=10, needs={"sql": 2}),
        RelaxStep(after_s=30, anyone=True),
    ]
    for name, value in RULES.items():
        if name != "relax":
            assert getattr(made, name) == value


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("relax", [{"after_s": 5}], "needs, anyone: at least one of them"),
        (
            "relax",
            [{"after_s": 9, "anyone": True}, {"after_s": 9, "anyone": True}],
            "after_s: each later than the one before",
        ),
        ("relax", [{"after_s": 5, "needs": {"sql": 6}}], "less than or equal to 5"),
        ("quota_per_day", -1, "greater than or equal to 0"),
        ("named_wait_s", 0, "greater than 0"),
        ("weights", {"ann": -1}, "greater than or equal to 0"),
    ],
)
def test_a_wrong_rule_is_refused_by_field_and_what_is_allowed(field, value, says):
    with pytest.raises(ValidationError, match=says):
        DeclaredQueue.model_validate({"name": "q", field: value})


@pytest.mark.parametrize(
    ("field", "value"), [("languages", ["zh-CN"]), ("channels", {"chat": -1}), ("languages", [""])]
)
def test_a_wrong_language_or_bound_of_an_agent_is_refused(field, value):
    with pytest.raises(ValidationError):
        DeclaredAgent.model_validate({"name": "Ann", field: value})


def test_an_agent_speaks_and_bounds_its_channels():
    agent = DeclaredAgent(name="Ann", languages=["zh", "en"], channels={"chat": 3})
    assert (agent.languages, agent.channels) == (["zh", "en"], {"chat": 3})
