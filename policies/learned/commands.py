"""`python -m policies train | models`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from policies.learned.card import told

if TYPE_CHECKING:
    from policies.learned.samples import Sample

# The libraries of training load slowly: the functions below import what they need, so that the
# other commands start at once.

NAME = "assignment"


def add_commands(commands: Any) -> None:
    """Add this module's commands to the subparsers of `python -m policies`."""
    made = commands.add_parser("train", help="train the models of the policy `learned`")
    made.add_argument(
        "source",
        nargs="+",
        type=Path,
        help="decision log (files or folders), or a scenario (.yaml) to be simulated",
    )
    made.add_argument("--store", type=Path, required=True, help="folder to keep models in")
    made.add_argument("--name", default=NAME, help=f"of the model; default: {NAME}")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--promote", action="store_true", help="make it live at once")
    made.add_argument("--json", type=Path, help="write the model card to this file")
    made.add_argument("--plot", type=Path, help="draw calibration to this PNG file")
    made.set_defaults(run=run_train)
    listed = commands.add_parser("models", help="list trained models, make one live, or go back")
    listed.add_argument("store", type=Path, help="the folder")
    listed.add_argument("--name", default=NAME)
    change = listed.add_mutually_exclusive_group()
    change.add_argument("--promote", metavar="VERSION", help="make this version live")
    change.add_argument("--roll-back", action="store_true", help="make the one before live again")
    change.add_argument("--card", metavar="VERSION", help="show the card of a version")
    listed.set_defaults(run=run_models)


def run_train(given: argparse.Namespace) -> int:
    """Train, keep and describe a model."""
    from policies.learned.registry import Folder, Registry  # noqa: PLC0415 - see above
    from policies.learned.training import train  # noqa: PLC0415 - see above

    samples = _samples(given.source, given.seed)
    sys.stderr.write(f"{len(samples):,} decisions with outcomes\n")
    model = train(samples, name=given.name, seed=given.seed, created_at=time.time())
    registry = Registry(Folder(given.store))
    key = registry.save(model)
    if given.promote:
        registry.promote(given.name, model.card.version, time.time())
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(model.card), indent=2))
    if given.plot:
        from policies.plots.calibration import draw_calibration  # noqa: PLC0415 - when asked for

        draw_calibration(model.card, given.plot)
    sys.stdout.write(f"{told(model.card)}\nkept as {given.store / key}\n")
    return 0


def _samples(sources: list[Path], seed: int) -> list[Sample]:
    """Return the samples of logs and of simulated scenarios."""
    from policies import decision_files  # noqa: PLC0415 - see above
    from policies.learned.samples import from_log, from_simulation  # noqa: PLC0415 - see above
    from policies.random_eligible import RandomEligible  # noqa: PLC0415 - see above
    from policies.sim.reading import read_scenario  # noqa: PLC0415 - see above

    scenarios = [path for path in sources if path.suffix in {".yaml", ".yml"}]
    logs = [path for path in sources if path not in scenarios]
    found = from_log(decision_files.read(*logs)) if logs else []
    for path in scenarios:
        found += from_simulation(read_scenario(path), RandomEligible(), seed)
    return found


def run_models(given: argparse.Namespace) -> int:
    """List versions; promote, roll back, or show a card."""
    from policies.learned.registry import Folder, Registry  # noqa: PLC0415 - see above

    registry = Registry(Folder(given.store))
    if given.promote:
        registry.promote(given.name, given.promote, time.time())
    if given.roll_back:
        registry.roll_back(given.name, time.time())
    if given.card:
        sys.stdout.write(told(registry.card(given.name, given.card)) + "\n")
        return 0
    live = registry.promoted(given.name)
    rows = [
        {"name": given.name, "version": v, "live": live is not None and live.version == v}
        for v in registry.versions(given.name)
    ]
    sys.stdout.write("\n".join(json.dumps(row) for row in rows) + ("\n" if rows else ""))
    return 0
