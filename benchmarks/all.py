"""Runs every benchmark and writes the README's table: `make bench`.

    python -m benchmarks.all --results FOLDER [--again NAME ...]

Results are kept as JSON in the folder; a program whose result is there is not run again unless
named. The table says on which machine it was measured, and how busy that was with other work.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BEGIN, END = "<!-- benchmarks:start -->", "<!-- benchmarks:end -->"
KILLS = (
    "gateway",
    "session-shard",
    "agent-shard",
    "queue",
    "dispatch",
    "keeper",
    "redis",
    "worker-node",
)

PROGRAMS: dict[str, Sequence[str]] = {
    "chat": ("--seconds", "15", "--peer", "python-socketio", "--peer", "socket.io"),
    "idle": ("--connections", "5000"),
    "dispatch": ("--agents", "1000", "--waiting", "10000"),
    "faults": tuple(word for kill in KILLS for word in ("--kill", kill)),
    "placement": ("--markdown", "docs/placement.md"),
    "simulator": (),
    "bot": ("--questions", "12000"),
    "bot_isolation": (),
    "beside_people": (),
    "switchback": (),
    "policies": (),
    "auth": (),
}

Result = dict[str, Any]
Row = tuple[str, str]


def chat_rows(result: Result) -> list[Row]:
    """Return the rows of `benchmarks.chat`."""
    half, ratio = result["half_load"], result["ratio"]
    rows = [
        (
            "durable messages a second, acked and delivered (AOF always)",
            f"{result['messages_per_s']:,.0f}",
        ),
        (
            f"at half of that: ack p50 / p99, deliver p99 ({half['messages_per_s']:,.0f}/s)",
            (
                f"{half['ack_ms']['p50']:.0f} / {half['ack_ms']['p99']:.0f} ms, "
                f"{half['deliver_ms']['p99']:.0f} ms"
            ),
        ),
        (
            "lost, duplicated, out of order",
            ", ".join(str(result[name]) for name in ("lost", "duplicated", "out_of_order")),
        ),
    ]
    return rows + [(f"the same work on {peer}: ours is", f"{n:.2f} x") for peer, n in ratio.items()]


def idle_rows(result: Result) -> list[Row]:
    """Return the rows of `benchmarks.idle`."""
    return [
        (
            f"memory per idle customer, all processes ({result['connections']:,} connected)",
            f"{result['kb_per_connection']:.0f} KB",
        ),
        ("customers connecting a second", f"{result['connects_per_s']:.0f}"),
    ]


def dispatch_rows(result: Result) -> list[Row]:
    """Return the rows of `benchmarks.dispatch`."""
    decision = result["decision_ms"]
    return [
        (
            "assignments a second (1,000 agents, 10,000 waiting); decision p99",
            f"{result['assignments_per_s']:,.0f}; {decision['p99']:.0f} ms",
        )
    ]


def faults_rows(result: Result) -> list[Row]:
    """Return the rows of `benchmarks.faults`."""
    wrong = ("lost", "duplicated", "out_of_order", "double_assigned", "over_capacity")
    return [
        (
            f"kill -9 of {trial['kill']}: recovered; lost, duplicated or wrongly given",
            f"{trial['recovered_s']} s; {sum(trial[name] for name in wrong)}",
        )
        for trial in result["trials"]
    ]


def switchback_rows(result: Result) -> list[Row]:
    """Return the rows of `benchmarks.switchback`."""
    tried = f"{len(result['rows'])} switchback experiments on the value scenario"
    return [
        (
            f"{tried}: estimate of the true lift, off by at most",
            f"{result['largest_error_percent']:.1f} %",
        )
    ]


def bot_rows(result: Result) -> list[Row]:
    """Return the rows of `benchmarks.bot`."""
    ms = result["answer_cpu_ms"]
    return [
        (
            f"bot, {result['questions']:,} known questions: CPU per answer p50 / p99",
            f"{ms['p50']:.1f} / {ms['p99']:.1f} ms",
        ),
        (
            "bot: answers a CPU second, one at a time / together",
            f"{result['answers_per_s_alone']:,.0f} / {result['answers_per_s_together']:,.0f}",
        ),
        (
            "bot: learning them all again / one wording more, CPU",
            f"{result['learn_cpu_s']:.0f} / {result['relearn_cpu_s']:.1f} s",
        ),
    ]


def bot_isolation_rows(result: Result) -> list[Row]:
    """Return the rows of `benchmarks.bot_isolation`."""
    served, people, ratio = result["serve"], result["human_ms"], result["human_p99_ratio"]
    harms = [name for name in people if name in ratio]
    times = " / ".join(f"{people[name]['p99']:.0f}" for name in ("left alone", *harms))
    return [
        (
            f"bot through Serve at {served['rate']:.0f} questions a second: p50 / p99",
            f"{served['p50']:.1f} / {served['p99']:.1f} ms",
        ),
        (
            f"people's messages while the bot is left alone / {' / '.join(harms)}: p99",
            f"{times} ms",
        ),
    ]


def beside_people_rows(result: Result) -> list[Row]:
    """Return the row of `benchmarks.beside_people`."""
    people, ratio = result["human_ms"], result["human_p99_ratio"]
    times = " / ".join(f"{people[name]['p99']:.0f}" for name in ("alone", *ratio))
    return [
        (f"people's messages alone / beside idle work, {' / on '.join(ratio)}: p99", f"{times} ms")
    ]


def policies_rows(result: Result) -> list[Row]:
    """Return the rows of `benchmarks.policies`."""
    speeds = {row["policy"]: row["decisions_per_s_and_core"] for row in result["decisions"]["rows"]}
    value, scoring = result["value"], result["learned"]
    best = min(value["gaps"], key=lambda row: row["gap_percent"])
    learner = min(
        (row for row in value["regret"] if row["contacts"] == 20_000),
        key=lambda row: row["regret"],
    )
    return [
        (
            "decisions a second and core at 50 candidates: longest idle, by prices",
            f"{speeds['longest_idle']:,}, {speeds['lp_value']:,}",
        ),
        (
            "value scenario: gap to the bound of the best policy",
            f"{best['gap_percent']:.1f} % ({best['policy']})",
        ),
        (
            "regret of the best learner at 20,000 contacts",
            f"{learner['regret']:.0f} ({learner['learner']})",
        ),
        (
            "50 candidates scored, p99: in process, through Serve",
            ", ".join(f"{row['p99_ms']:.1f} ms" for row in scoring),
        ),
    ]


def auth_rows(result: Result) -> list[Row]:
    """Return the rows of `benchmarks.auth`."""
    verified, signing, ended = result["verifications"], result["sign_ins"], result["revocation"]
    return [
        (
            "tokens verified a second and core: new, seen before",
            f"{verified['new_per_s']:,.0f}, {verified['seen_per_s']:,.0f}",
        ),
        ("authenticated WebSocket connects a second", f"{result['connects']['per_s']:,.0f}"),
        (
            f"from sign-out to the socket's close, p99 ({ended['sockets']:,} sockets)",
            f"{ended['ms']['p99']:.0f} ms",
        ),
        (
            "sign-ins a second (argon2id) beside chats at half load; chats are slower by, p50",
            f"{signing['sign_ins_per_s']:.1f}; {signing['p50_ratio']:.2f} x",
        ),
    ]


ROWS: dict[str, Callable[[Result], list[Row]]] = {
    "chat": chat_rows,
    "idle": idle_rows,
    "dispatch": dispatch_rows,
    "faults": faults_rows,
    "switchback": switchback_rows,
    "policies": policies_rows,
    "bot": bot_rows,
    "bot_isolation": bot_isolation_rows,
    "beside_people": beside_people_rows,
    "auth": auth_rows,
}


def table(results: dict[str, Result]) -> str:
    """Return the README's text between the markers."""
    lines = ["| what | measured | by |", "|---|---|---|"]
    for name, rows in ROWS.items():
        if name in results:
            program = f"`python -m benchmarks.{name}`"
            lines += [f"| {what} | {value} | {program} |" for what, value in rows(results[name])]
    machine = next(iter(results.values()))["machine"]
    said = (
        f"Measured on {machine['cores']} shared cores with the load generator on them, Python "
        f"{machine['python']}, Ray {machine['ray']}; `make bench` measures yours. "
        "[What placement costs](docs/placement.md)."
    )
    return "\n".join([BEGIN, *lines, "", said, END])


def replace_table(text: str, fresh: str) -> str:
    """Return the README's text with the table between its markers replaced."""
    before, rest = text.split(BEGIN, 1)
    return before + fresh + rest.split(END, 1)[1]


def run(name: str, file: Path) -> None:
    """Run one program; its own progress goes to standard error.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [sys.executable, "-m", f"benchmarks.{name}", *PROGRAMS[name], "--json", str(file)]
    sys.stderr.write(f"\n== {' '.join(command[1:])}\n")
    subprocess.run(command, cwd=ROOT, check=True)


def main() -> None:
    """Run what has no result yet, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=ROOT / ".raydesk" / "benchmarks")
    parser.add_argument("--again", nargs="*", default=[], choices=PROGRAMS, help="run anew")
    parser.add_argument("--only", nargs="*", default=list(PROGRAMS), choices=PROGRAMS)
    given = parser.parse_args()
    given.results.mkdir(parents=True, exist_ok=True)
    for name in given.only:
        file = given.results / f"{name}.json"
        if name in given.again or not file.exists():
            run(name, file)
    files = {name: given.results / f"{name}.json" for name in PROGRAMS}
    results = {n: msgspec.json.decode(f.read_bytes()) for n, f in files.items() if f.exists()}
    README.write_text(replace_table(README.read_text("utf-8"), table(results)), "utf-8")


if __name__ == "__main__":
    main()
