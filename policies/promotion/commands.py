"""`python -m policies promote`: a candidate's way through the gates, kept in a file."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from policies import registry
from policies.decision_files import read
from policies.promotion import applying, sources
from policies.promotion.evidence import Evidence
from policies.promotion.files import load, load_evidence, load_gates, save
from policies.promotion.gates import Gates, Stage
from policies.promotion.machine import (
    Advance,
    Event,
    Promotion,
    Restart,
    RollBack,
    Submit,
    Watch,
    step,
)
from policies.promotion.routing import setting, settings_of_all_stages
from policies.sim.commands import progress_line
from policies.sim.own_policy import is_model, named_policy
from policies.sim.reading import read_scenario
from policies.view import Policy

Action = Callable[[argparse.Namespace, Promotion], Event]


def add_commands(commands: Any) -> None:
    """Add this module's commands to the subparsers of `python -m policies`."""
    promote = commands.add_parser("promote", help="lead a candidate through the gates, or back")
    actions = promote.add_subparsers(required=True, metavar="ACTION")
    start = _action(actions, "start", "begin with a candidate", run_start)
    start.add_argument("--experiment", required=True, help="a name, in the decision log")
    named = "a policy's name, FILE.py:CLASS, or learned@STORE"
    start.add_argument("--candidate", required=True, help=named)
    start.add_argument("--live", required=True, help=named)
    for who in ("candidate", "live"):
        start.add_argument(f"--{who}-parameters", default="{}", help="JSON, as in settings")
    _action(actions, "status", "show where it stands", run_status)
    _action(actions, "settings", "print what a queue's settings should say now", run_settings)
    apply = _action(actions, "apply", "write that into queues of a running system", run_apply)
    _add_door(apply, required=True)
    submit = _event(actions, "submit", "judge evidence at the present stage", _submitted)
    given = submit.add_mutually_exclusive_group(required=True)
    given.add_argument("--log", type=Path, help="decision log: folder or .parquet")
    given.add_argument("--scenario", type=Path, help="simulate both policies on this YAML file")
    given.add_argument("--evidence", type=Path, help="JSON, see docs/experiments.md")
    submit.add_argument("--reward", default="solved", help="of a log, as for evaluate")
    submit.add_argument("--measure", default="worth", help="of a simulation, as in compare")
    advance = _event(actions, "advance", "leave a stage for the next", _advanced)
    advance.add_argument("--from", dest="stage", required=True, type=Stage, help="present stage")
    watch = _event(actions, "watch", "compare the arms; roll back on a breach", _watched)
    watch.add_argument("--log", type=Path, required=True, help="decision log")
    back = _event(actions, "roll-back", "take the candidate back", _taken_back)
    back.add_argument("--why", required=True)
    _event(actions, "restart", "begin again after a roll-back", lambda _, s: Restart(s.attempt))


def _action(actions: Any, name: str, told: str, run: Callable[..., int]) -> Any:
    parser = actions.add_parser(name, help=told)
    parser.add_argument("state", type=Path, help="the promotion's file (JSON)")
    parser.add_argument("--json", action="store_true", help="print the state as JSON")
    parser.set_defaults(run=run)
    return parser


def _event(actions: Any, name: str, told: str, event: Action) -> Any:
    parser = _action(actions, name, told, run_event)
    parser.add_argument("--gates", type=Path, help="JSON of what is good enough")
    _add_door(parser, required=False)
    parser.set_defaults(event=event)
    return parser


def _add_door(parser: Any, *, required: bool) -> None:
    told = "write the stage's setting into this queue, too" if not required else "of which queue"
    parser.add_argument(
        "--queue", action="append", default=[], required=required, help=f"{told}; may be repeated"
    )
    url = os.environ.get("RAYDESK_URL", "http://127.0.0.1:8000")
    parser.add_argument("--url", default=url, help="of the system; its token is RAYDESK_TOKEN")


def run_start(given: argparse.Namespace) -> int:
    """Begin a promotion; both policies have to exist."""
    parameters = {
        who: _parameters(f"--{who}-parameters", getattr(given, f"{who}_parameters"))
        for who in ("candidate", "live")
    }
    for who, params in parameters.items():
        _policy(getattr(given, who), params)
    state = Promotion(
        experiment=given.experiment,
        candidate=given.candidate,
        live=given.live,
        candidate_parameters=parameters["candidate"],
        live_parameters=parameters["live"],
        since=time.time(),
    )
    save(given.state, state, None)
    _show(given, state, "")
    return 0


def run_status(given: argparse.Namespace) -> int:
    """Show the state."""
    _show(given, load(given.state), "")
    return 0


def run_settings(given: argparse.Namespace) -> int:
    """Print the setting of the present stage, as JSON."""
    found = setting(load(given.state))._asdict()
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    return 0


def run_apply(given: argparse.Namespace) -> int:
    """Write the setting of the present stage into queues; 1 if one of them was not written."""
    return _applied(given.queue, load(given.state), _door(given))


def _door(given: argparse.Namespace) -> applying.Send:
    return applying.door(given.url, os.environ.get("RAYDESK_TOKEN", ""))


def _applied(queues: Sequence[str], state: Promotion, send: applying.Send) -> int:
    """Write to every queue, whatever the others say."""
    failed = 0
    for queue in queues:
        try:
            new = applying.apply(queue, setting(state), settings_of_all_stages(state), send)
            told = f"queue {queue}: routes by {setting(state).policy} {'now' if new else 'already'}"
        except applying.ApplyError as error:
            told, failed = f"not applied: {error}", 1
        sys.stderr.write(told + "\n")
    return failed


def run_event(given: argparse.Namespace) -> int:
    """Let one event happen, and write the stage's setting into the queues that were named; 1 if it
    was refused, evidence is not good enough, or a queue was not written."""
    send = _door(given) if given.queue else None
    before = load(given.state)
    gates = load_gates(given.gates) if given.gates else Gates()
    done = step(before, given.event(given, before), time.time(), gates)
    if done.state != before:
        save(given.state, done.state, before)
    _show(given, done.state, done.refused)
    failed = _applied(given.queue, done.state, send) if send is not None else 0
    return 1 if failed or done.refused else 0


def _submitted(given: argparse.Namespace, state: Promotion) -> Event:
    return Submit(_evidence(given, state))


def _evidence(given: argparse.Namespace, state: Promotion) -> Evidence:
    """Return the evidence of the kind that the stage asks for."""
    if given.evidence:
        return load_evidence(given.evidence)
    if given.scenario:
        live = _simulated(state.live, state.live_parameters)
        candidate = _simulated(state.candidate, state.candidate_parameters)
        scenario, line = read_scenario(given.scenario), progress_line("simulate")
        return sources.simulated(scenario, live, candidate, given.measure, line)
    rows, source = read(given.log), str(given.log)
    if state.stage is Stage.SHADOW and is_model(state.candidate):
        return sources.shadowed_afterwards(rows, _candidate(state), state.since)
    if state.stage is Stage.SHADOW:
        return sources.shadowed(rows, _candidate(state).name, state.since)
    if state.stage is Stage.EXPLORATION:
        recent = [row for row in rows if row.at >= state.since]
        return sources.explored(recent, _candidate(state), given.reward, source)
    if state.share:
        return sources.ramped(rows, state.experiment, state.since)
    return sources.offline(rows, _candidate(state), given.reward, source)


def _advanced(given: argparse.Namespace, _: Promotion) -> Event:
    return Advance(given.stage)


def _watched(given: argparse.Namespace, state: Promotion) -> Event:
    return Watch(sources.ramped(read(given.log), state.experiment, state.since).comparisons)


def _taken_back(given: argparse.Namespace, _: Promotion) -> Event:
    return RollBack(given.why)


def _candidate(state: Promotion) -> Policy:
    return _policy(state.candidate, state.candidate_parameters)


def _simulated(name: str, parameters: dict[str, Any]) -> str | Policy:
    """Return the policy for a simulation: by name alone, it is told what the scenario knows."""
    return _policy(name, parameters) if parameters else named_policy(name)


def _parameters(option: str, text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ValueError(f"{option}: {error}; allowed: a JSON object") from error


def _policy(name: str, parameters: dict[str, Any]) -> Policy:
    found = named_policy(name)
    if not isinstance(found, str):
        return found
    try:
        return registry.make(found, parameters)
    except LookupError as error:
        raise ValueError(f"policy: {error}") from error


def _show(given: argparse.Namespace, state: Promotion, refused: str) -> None:
    if given.json:
        told = {"refused": refused, "share": state.share, **msgspec.to_builtins(state)}
        data = msgspec.json.format(msgspec.json.encode(told), indent=2).decode()
        sys.stdout.write(data + "\n")
        return
    lines = [
        f"{state.experiment}: {state.candidate} for {state.live}, attempt {state.attempt}",
        f"stage {state.stage}: the candidate decides {100 * state.share:g} % of the contacts",
    ]
    if state.verdict:
        lacks = "; ".join(state.verdict.lacks)
        lines.append(f"evidence: {f'not good enough: {lacks}' if lacks else 'good enough'}")
    lines += [f"{moved.stage}: {moved.why}" for moved in state.history[-5:]]
    if refused:
        lines.append(f"refused: {refused}")
    sys.stdout.write("\n".join(lines) + "\n")
