"""Plain logs, as a data scientist brings them: good ones, and every way of being bad."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from policies.__main__ import main
from policies.offline import LogError, evaluate, read_plain
from policies.theory.small_bandit import THREE_ACTIONS

NAMES = ("ann", "bob", "卡")


def write_log(path: Path, n: int = 1_000, *, matrix: bool = False, gap_s: float = 100.0) -> Path:
    """Write a log of the small bandit; `gap_s` between decisions that occupy an agent for 10 s."""
    context, action, reward = THREE_ACTIONS.draw(n, np.random.default_rng(3))
    columns = {
        "context": [f"x{number}" for number in context],
        "action": [NAMES[number] for number in action],
        "reward": reward,
        "propensity": THREE_ACTIONS.logging[context, action],
        "at": np.arange(n) * gap_s,
        "handle_s": np.full(n, 10.0),
    }
    if matrix:
        for number, name in enumerate(NAMES):
            columns[f"propensity:{name}"] = THREE_ACTIONS.logging[context, number]
    table = pa.table(columns)
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        lines = [",".join(table.column_names)]
        lines += [",".join(str(v) for v in row.values()) for row in table.to_pylist()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_target(path: Path) -> Path:
    rows = [
        f"x{x},{name},{THREE_ACTIONS.target[x, number]}"
        for x in range(2)
        for number, name in enumerate(NAMES)
    ]
    path.write_text("\n".join(["context,action,probability", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("matrix", [False, True])
def test_a_log_and_a_target_table_give_every_estimate(
    tmp_path: Path, kind: str, *, matrix: bool
) -> None:
    log = write_log(tmp_path / f"log.{kind}", matrix=matrix)
    out, png = tmp_path / "out.json", tmp_path / "out.png"
    target = str(write_target(tmp_path / "target.csv"))

    code = main(["evaluate", str(log), "--target", target, "--json", str(out), "--plot", str(png)])

    found = json.loads(out.read_text())
    assert code == 0
    assert list(found["estimates"]) == ["ips", "snips", "dm", "dr", "switch_dr"]
    for name, one in found["estimates"].items():
        assert abs(one["value"] - 0.65) < 5 * max(one["se"], 0.01), name
    assert found["warnings"] == []
    assert png.read_bytes()[:4] == b"\x89PNG"


def test_a_log_with_the_targets_probability_alone_gives_ips_and_snips(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("action,reward,propensity,target\na,1,0.5,1\nb,0,0.5,0\n")

    found = evaluate(read_plain(path).logged)

    assert {name: one.value for name, one in found.estimates.items()} == {"ips": 1.0, "snips": 1.0}


def test_decisions_that_overlap_for_one_agent_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path / "log.csv", 300, gap_s=5.0)

    main(["evaluate", str(log), "--target", str(write_target(tmp_path / "target.csv"))])

    assert "warning: interference: " in capsys.readouterr().out


def test_a_target_without_support_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        "action,reward,propensity,propensity:a,propensity:b,target:a,target:b\n"
        "a,1,1,1,0,0.5,0.5\na,0,1,1,0,0.5,0.5\n"
    )

    found = evaluate(read_plain(path).logged)

    assert found.diagnostics.unsupported_n == 2
    assert found.diagnostics.unsupported_mass == 0.5
    assert any(text.startswith("support: ") for text in found.warnings)


HEAD = "action,reward,propensity,target\na,1,0.5,1\n"
BAD = {
    "action,reward,propensity,target\n": "rows: none; allowed: at least one decision",
    "action,reward,target\na,1,1\n": "propensity: no such column; there are: action, reward",
    HEAD + "a,1,0,1\n": "row 2: propensity: 0; allowed: above 0, at most 1",
    HEAD + "a,1,1.5,1\n": "row 2: propensity: 1.5; allowed: above 0, at most 1",
    HEAD + "a,1,0.5,-1\n": "row 2: target: -1; allowed: 0 to 1",
    HEAD + "a,good,0.5,1\n": "row 2: reward: 'good'; allowed: a number",
    HEAD + "a,,0.5,1\n": "row 2: reward: empty; allowed: a number",
    HEAD + "a,inf,0.5,1\n": "row 2: reward: inf; allowed: a finite number",
    HEAD + ",1,0.5,1\n": "row 2: action: empty; allowed: a name",
    "action,reward,propensity\na,1,0.5\n": "target: missing; allowed: a column target",
    "action,reward,propensity,target:a,target:b\na,1,0.5,0.5,0.4\n": (
        "row 1: sum of target: 0.9; allowed: 1"
    ),
    "action,reward,propensity,target:a,target:b,propensity:a,propensity:b\na,1,.5,1,0,.4,.6\n": (
        "row 1: propensity:a: 0.4; allowed: the row's propensity, 0.5"
    ),
    "action,reward,propensity,target,at,handle_s\na,1,.5,1,soon,3\n": (
        "row 1: at: 'soon'; allowed: seconds, or a time like"
    ),
}


@pytest.mark.parametrize(("text", "said"), BAD.items(), ids=BAD.values())
def test_a_bad_log_is_answered_with_file_row_field_and_what_is_allowed(
    tmp_path: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)

    assert main(["evaluate", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}: ")
    assert said in error


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"not parquet")
    for path in (broken, tmp_path / "missing.csv", tmp_path / "log.xlsx"):
        with pytest.raises(LogError, match=path.name):
            read_plain(path)


def test_a_target_table_that_does_not_sum_to_one_is_refused(tmp_path: Path) -> None:
    log, target = write_log(tmp_path / "log.csv", 20), tmp_path / "target.csv"
    target.write_text("action,probability\nann,0.5\nbob,0.4\n")
    with pytest.raises(LogError, match=r"target.csv: probability: sums to 0.9 in context 'x0'"):
        read_plain(log, target)
    target.write_text("action,probability\neve,1\n")
    with pytest.raises(LogError, match=r"target.csv: row 1: action: 'eve'; allowed: .*ann, bob"):
        read_plain(log, target)
