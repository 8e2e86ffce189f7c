"""Which policies a queue may be saved with: `actors.policy_settings`."""

import pytest

from actors.dispatch.guarded import use_folder
from actors.policy_settings import check_policy
from policies import registry

FILE = """
from elsewhere import Bought
raise SystemExit("this file must not be run to be saved")

class Mine:
    name = "mine"
"""


def nested(depth):
    """Return the parameters of a policy within a policy within ..."""
    params = {}
    for _ in range(depth):
        params = {"policy": "explore", "parameters": params}
    return params


@pytest.fixture(autouse=True)
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(FILE)
    (tmp_path / "broken.py").write_text("this is no Python")
    use_folder(tmp_path)
    yield tmp_path
    use_folder(None)


@pytest.mark.parametrize("name", registry.names())
def test_every_policy_of_ours_may_be_saved_as_it_is(name):
    check_policy(name, {})


@pytest.mark.parametrize("name", ["mine.py:Mine", "mine.py:Bought"])
def test_a_policy_of_ones_own_is_known_by_its_name_and_not_run(name):
    check_policy(name, {"whatever": 1})


@pytest.mark.parametrize(
    ("name", "params", "says"),
    [
        ("no_such", {}, r"policy: one of \[.*'longest_idle'.*\], or FILE.py:CLASS of .*'no_such'"),
        ("fixed_cap", {"cap": 0}, "policy_params: fixed_cap.cap: .* greater than or equal to 1"),
        ("fixed_cap", {"cup": 2}, "policy_params: fixed_cap.cup: unknown; allowed: cap"),
        ("explore", {"policy": "no_such"}, "policy_params: explore.*no policy named 'no_such'"),
        (
            "switchback",
            {"block_s": 1e-6, "burn_in_s": 0, "hours": False, "end": 1e15},
            "policy_params: switchback.*end: 1000000000000000.0; allowed: 2 to 20000 blocks",
        ),
        (
            "lp_value",
            {
                "agents": {f"g{n}": 1 for n in range(101)},
                "arrivals_per_hour": {f"q{n}": 1 for n in range(100)},
            },
            "policy_params: lp_value.*10100 pairs; allowed: 10000",
        ),
        ("explore", nested(5_000), "policy_params: policies within policies, too deep"),
        ("none.py:X", {}, "policy: no file 'none.py' in RAYDESK_POLICIES_DIR; given: 'none.py:X'"),
        ("../mine.py:Mine", {}, "policy: no file"),
        ("broken.py:X", {}, "policy: broken.py is no Python"),
        ("mine.py:Other", {}, r"policy: a class that the file has, of \['Bought', 'Mine'\]"),
    ],
)
def test_any_other_is_refused_by_field_and_what_is_allowed(name, params, says):
    with pytest.raises(ValueError, match=says):
        check_policy(name, params)


def test_without_a_folder_there_are_none_of_ones_own():
    use_folder(None)
    with pytest.raises(ValueError, match=r"no file 'mine\.py'"):
        check_policy("mine.py:Mine", {})
