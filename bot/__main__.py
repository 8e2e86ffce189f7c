"""The bot's command line: `python -m bot import | export | ask | evaluate | calibrate | train`.

Works on files alone: a knowledge base (.xlsx, .csv, .yaml) or a trained model (.npz). Results go to
standard output, as JSON with `--json`; progress goes to standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bot.commands import COMMANDS, CommandError, Options


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 1 when it was refused, 2 for wrong words."""
    given = _parser().parse_args(words)
    options = Options.of(vars(given))
    try:
        return COMMANDS[given.command](options)
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (help_text, add) in _WORDS.items():
        one = commands.add_parser(name, help=help_text, description=help_text)
        one.add_argument("--json", action="store_true", help="print JSON")
        one.add_argument("--quiet", action="store_true", help="print no progress")
        add(one)
    return parser


def _import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a table to read: .xlsx, .csv or .yaml")
    parser.add_argument("--out", help="write what was imported, as .xlsx, .csv or .yaml")
    parser.add_argument("--all-or-none", action="store_true", help="one bad row refuses all")


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a model (.npz) or a table")
    parser.add_argument("--out", required=True, help="the table to write: .xlsx, .csv or .yaml")
    _encoder(parser)


def _ask(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a model (.npz), or a table to learn first")
    parser.add_argument("question", nargs="+", help="one question or several")
    parser.add_argument("--explain", action="store_true", help="say why")
    _encoder(parser)


def _train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a table to learn: .xlsx, .csv or .yaml")
    parser.add_argument("--out", required=True, help="the model to write (.npz)")
    parser.add_argument("--target", type=float, default=0.95, help="precision of answers")
    parser.add_argument("--seed", type=int, default=0)
    _encoder(parser)


def _calibrate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a model (.npz)")
    parser.add_argument("--reviewed", required=True, help="CSV with columns text,topic")
    parser.add_argument("--target", type=float, default=0.95, help="precision of answers")
    parser.add_argument("--out", help="write the model with its new bands")
    _encoder(parser)


def _evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", help="a model (.npz) or a table, with --reviewed")
    parser.add_argument("--reviewed", help="CSV with columns text,topic")
    parser.add_argument("--dataset", choices=("banking77", "clinc150", "csv"))
    parser.add_argument("--data", help="the folder of the set")
    parser.add_argument("--seeds", type=int, default=3, help="cold starts to average, 0 for none")
    _encoder(parser)
    parser.add_argument("--target", type=float, default=0.95, help="precision of answers")


def _encoder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--encoder", metavar="FOLDER", help="holds model.onnx and tokenizer.json")


_WORDS = {
    "import": ("Check a table and say which rows are bad.", _import),
    "export": ("Write the base of a model or table as a table.", _export),
    "ask": ("Ask a question.", _ask),
    "train": ("Learn a table and write the model.", _train),
    "calibrate": ("Choose a model's bands from reviewed questions.", _calibrate),
    "evaluate": ("Measure a model, or learn and measure a public set.", _evaluate),
}

if __name__ == "__main__":
    sys.exit(main())
