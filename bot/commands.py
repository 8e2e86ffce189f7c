"""What each command of `python -m bot` does."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec

from bot.answering import Understanding
from bot.datasets import DatasetError, Name, load_dataset, read_reviewed
from bot.decisions import Decision
from bot.encoder import Encoder, EncoderError, open_encoder
from bot.evaluating import calibrate, examine, examine_dataset
from bot.knowledge import Base
from bot.reporting import dataset_table, lines_of
from bot.saving import ModelFileError, dump, load
from bot.tables import FileError, export_base, format_of, import_base
from bot.weak import weak_topics

T = TypeVar("T")


class CommandError(Exception):
    """The command was refused; the text says why."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was written on the command line."""

    file: str = ""
    out: str = ""
    question: list[str] = []
    reviewed: str = ""
    dataset: str = ""
    data: str = ""
    seeds: int = 3
    seed: int = 0
    encoder: str = ""
    target: float = 0.95
    json: bool = False
    quiet: bool = False
    explain: bool = False
    all_or_none: bool = False

    @classmethod
    def of(cls, given: dict[str, Any]) -> Options:
        """Return the options that were given; the others as they are by default."""
        names = {field.name for field in msgspec.structs.fields(cls)}
        return cls(**{k: v for k, v in given.items() if k in names and v is not None})

    def opened(self) -> Encoder:
        """Return the encoder that was named; without, the word vectors."""
        return _checked(lambda: open_encoder(self.encoder or None))

    def tell(self, text: str) -> None:
        """Show progress."""
        if not self.quiet:
            sys.stderr.write(f"{text}\n")

    def progress(self, what: str, share: float) -> None:
        """Show how far learning is."""
        self.tell(f"{share:4.0%} {what}")

    def show(self, result: object, text: str) -> None:
        """Print the result."""
        plain = msgspec.json.format(msgspec.json.encode(result), indent=2).decode()
        sys.stdout.write((plain if self.json else text) + "\n")


def run_import(options: Options) -> int:
    """Check a table; exit 1 when it was refused."""
    got = _imported(options)
    text = [f"{got.topics_n} topics"]
    text += [f"row {bad.number}: {bad.reason}" for bad in got.bad]
    text += [f"{p.severity}: {p.topic}: {p.code}: {p.detail}" for p in got.problems]
    shown = {"topics": got.topics_n, "bad": got.bad, "problems": got.problems}
    options.show(shown, "\n".join(text))
    if got.base is not None and options.out:
        _write(options.out, _exported(got.base, options))
    return 0 if got.base is not None else 1


def run_export(options: Options) -> int:
    """Write a base as a table."""
    base = _base(options)
    _write(options.out, _exported(base, options))
    result = {"topics": len(base.topics), "file": options.out}
    options.show(result, f"{len(base.topics)} topics in {options.out}")
    return 0


def run_ask(options: Options) -> int:
    """Answer questions."""
    bot = _bot(options)
    decisions = bot.answer_many(
        options.question, now=time.time(), audience=None, explain=options.explain
    )
    options.show(decisions, "\n".join(_told(one, bot) for one in decisions))
    return 0


def run_train(options: Options) -> int:
    """Learn a table, write the model and say what to expect of it."""
    start = time.perf_counter()
    bot = _learned(_base(options), options)
    _write(options.out, dump(bot))
    result = {
        "file": options.out,
        "topics": len(bot.catalogue.topics),
        "wordings": len(bot.catalogue.wordings()[0]),
        "seconds": round(time.perf_counter() - start, 2),
        "thresholds": bot.thresholds,
        "expected": bot.forecast(),
        "weak_topics": weak_topics(bot),
    }
    options.show(result, lines_of(result))
    return 0


def run_calibrate(options: Options) -> int:
    """Choose the bands from reviewed questions."""
    now = time.time()
    reviewed = _checked(lambda: read_reviewed(Path(options.reviewed)))
    bot = calibrate(_bot(options), reviewed, options.target, now)
    if options.out:
        _write(options.out, dump(bot))
    result = {"thresholds": bot.thresholds, "marks": examine(bot, reviewed, now)}
    options.show(result, lines_of(result))
    return 0


def run_evaluate(options: Options) -> int:
    """Measure a model on reviewed questions, or learn and measure a public set."""
    now = time.time()
    if options.dataset:
        names: dict[str, Name] = {"banking77": "banking77", "clinc150": "clinc150", "csv": "csv"}
        data = _checked(lambda: load_dataset(names[options.dataset], Path(options.data)))
        result = examine_dataset(
            data,
            seeds=options.seeds,
            target_precision=options.target,
            now=now,
            tell=options.tell,
            encoder=options.opened(),
        )
        options.show(result, dataset_table(result))
        return 0
    if not (options.file and options.reviewed):
        raise CommandError("evaluate needs --dataset and --data, or a file and --reviewed")
    reviewed = _checked(lambda: read_reviewed(Path(options.reviewed)))
    marks = examine(_bot(options), reviewed, now)
    options.show(marks, lines_of(msgspec.structs.asdict(marks)))
    return 0


COMMANDS: dict[str, Callable[[Options], int]] = {
    "import": run_import,
    "export": run_export,
    "ask": run_ask,
    "train": run_train,
    "calibrate": run_calibrate,
    "evaluate": run_evaluate,
}


def _checked(work: Callable[[], T]) -> T:
    try:
        return work()
    except (DatasetError, EncoderError, FileError, ModelFileError, OSError) as error:
        raise CommandError(str(error)) from error


def _read(path: str) -> bytes:
    return _checked(Path(path).read_bytes)


def _write(path: str, data: bytes) -> None:
    _checked(lambda: Path(path).write_bytes(data))


def _format(path: str) -> Any:
    return _checked(lambda: format_of(path))


def _exported(base: Base, options: Options) -> bytes:
    kind = _format(options.out)
    return _checked(lambda: export_base(base, kind, options.tell))


def _imported(options: Options) -> Any:
    kind, data = _format(options.file), _read(options.file)
    name = Path(options.file).stem
    return _checked(
        lambda: import_base(
            data,
            kind,
            name=name,
            now=time.time(),
            all_or_none=options.all_or_none,
            tell=options.tell,
        )
    )


def _base(options: Options) -> Base:
    if options.file.endswith(".npz"):
        return _bot(options).catalogue.base
    got = _imported(options)
    for bad in got.bad:
        options.tell(f"row {bad.number}: {bad.reason}")
    for one in got.problems:
        if one.severity == "error":
            at = f"row {got.rows[one.topic]}: " if one.topic in got.rows else ""
            options.tell(f"{at}{one.topic}: {one.code}: {one.detail}")
    return got.base if isinstance(got.base, Base) else _refused()


def _refused() -> NoReturn:
    raise CommandError("nothing was imported")


def _bot(options: Options) -> Understanding:
    if options.file.endswith(".npz"):
        data = _read(options.file)
        return _checked(lambda: load(data, options.opened()))
    return _learned(_base(options), options)


def _learned(base: Base, options: Options) -> Understanding:
    return Understanding.learn(
        base,
        target_precision=options.target,
        seed=options.seed,
        tell=options.progress,
        encoder=options.opened(),
    )


def _told(decision: Decision, bot: Understanding) -> str:
    topic = bot.topic(decision.topic)
    sure, known = f"{decision.confidence:.1%} sure", f"known {decision.known:.1%}"
    lines = [f"{decision.band} ({decision.why}), {sure}, {known}"]
    if decision.band == "answer" and topic is not None:
        lines += [f"  {topic.id}: {topic.question}", *(f"  > {a.text}" for a in topic.answers)]
    lines += [f"  ? {one.question} ({one.confidence:.1%})" for one in decision.suggestions]
    if decision.explanation is not None:
        lines.append(lines_of(msgspec.to_builtins(decision.explanation)))
    return "\n".join(lines)
