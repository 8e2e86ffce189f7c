"""How fast the bot understands: one process, one core, no network.

    python -m benchmarks.bot --questions 12000 --topics 120 --encoder-layers 0 --json FILE

A made-up base: every topic has words of its own among words that all share, a third of the topics
in Chinese. Measured: CPU per answer one at a time (p50, p99), answers a CPU second one at a time
and together, and the seconds to learn the base from nothing, and again with one wording more. CPU
seconds are this process's own, so that a busy machine does not change them much; the wall clock is
told beside them. With layers, an encoder of so many joins in, whose weights are by chance: what it
costs is real, what it says is not.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jieba

from benchmarks.bot_questions import one_more
from benchmarks.encoder_model import write_encoder
from benchmarks.report import Cell, machine_facts, parser, say, table, write
from bot.answering import Understanding
from bot.knowledge import Answer, Base, Topic
from bot.onnx_encoder import OnnxEncoder, open_onnx
from bot.relearning import relearned

NOW = 1_800_000_000.0
OWN_WORDS, SHARED_WORDS = 12, 3_000
SYLLABLES = (
    "ba",
    "co",
    "den",
    "fi",
    "gor",
    "hul",
    "jim",
    "ka",
    "lo",
    "mer",
    "nos",
    "pi",
    "ra",
    "st",
)
CHINESE_SHARE = 3
"""One of so many topics is Chinese."""


def made_up(questions: int, topics: int, seed: int = 0) -> tuple[Base, list[str]]:
    """Return a base of so many wordings, and 2,000 questions that it does not hold."""
    dice = random.Random(seed)
    jieba.setLogLevel(40)
    jieba.initialize()
    latin = sorted({"".join(dice.choices(SYLLABLES, k=dice.randint(1, 4))) for _ in range(9_000)})
    frequent = [word for word in jieba.dt.FREQ if 1 < len(word) < 4 and jieba.dt.FREQ[word] > 300]
    pools = [(latin[: SHARED_WORDS + topics * OWN_WORDS], " "), (sorted(frequent), "")]
    made: list[Topic] = []
    asked: list[str] = []
    for number in range(topics):
        words, blank = pools[number % CHINESE_SHARE == 0]
        own = dice.sample(words[SHARED_WORDS:], OWN_WORDS)
        texts = [_wording(dice, own, words, blank) for _ in range(questions // topics)]
        asked += [_wording(dice, own, words, blank) for _ in range(2_000 // topics + 1)]
        answers = (Answer(text=texts[0]),)
        made.append(
            Topic(id=f"t{number}", question=texts[0], similar=tuple(texts[1:]), answers=answers)
        )
    dice.shuffle(asked)
    return Base(id="bench", name="bench", topics=tuple(made)), asked[:2_000]


def _wording(dice: random.Random, own: Sequence[str], words: Sequence[str], blank: str) -> str:
    """Return 4-14 words: own ones, and shared ones of which few are frequent and many are rare."""
    n = dice.randint(4, 14)
    some = [words[int(SHARED_WORDS * dice.random() ** 3)] for _ in range(n)]
    line = [dice.choice(own) if dice.random() < 0.35 else word for word in some]
    return blank.join(line)


def alone(bot: Understanding, asked: Sequence[str]) -> list[float]:
    """Return the CPU milliseconds of each answer, one at a time."""
    found = []
    for text in asked:
        start = time.thread_time_ns()
        bot.answer(text, now=NOW)
        found.append((time.thread_time_ns() - start) / 1e6)
    return sorted(found)


def cpu_seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Return the CPU and the wall-clock seconds of a piece of work."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def encoder_of(layers: int) -> OnnxEncoder | None:
    """Return an encoder of MiniLM's shape with so many layers; None for 0."""
    if not layers:
        return None
    with tempfile.TemporaryDirectory() as folder:
        write_encoder(Path(folder), layers)
        return open_onnx(folder)


def main() -> None:
    """Measure and print."""
    options = parser(__doc__ or "")
    options.add_argument("--questions", type=int, default=12_000)
    options.add_argument("--topics", type=int, default=120)
    options.add_argument("--encoder-layers", type=int, default=0)
    given = options.parse_args()
    result = {
        "questions": given.questions,
        "topics": given.topics,
        "encoder_layers": given.encoder_layers,
        **measured(given),
        "machine": machine_facts(),
    }
    say(table(shown(result)))
    write(result, given.json)


def measured(given: argparse.Namespace) -> dict[str, Any]:
    """Learn a made-up base, whole and with one wording more, and answer from it."""
    encoder = encoder_of(given.encoder_layers)
    base, asked = made_up(given.questions, given.topics)
    say("compiling")
    few, _ = made_up(120, 12)
    Understanding.learn(few).answer_many(asked[:50], now=NOW)
    say(f"learning {given.questions:,} questions of {given.topics} topics")
    learned: list[Understanding] = []
    learn_cpu, learn_wall = cpu_seconds(
        lambda: learned.append(Understanding.learn(base, encoder=encoder))
    )
    bot = learned[0]
    more = one_more(base, "one wording more")
    relearn_cpu, _ = cpu_seconds(lambda: relearned(bot, more, version=2))
    bot.answer_many(asked[:100], now=NOW)
    say("answering one at a time")
    each = alone(bot, asked)
    say("answering together")
    together = 0.0
    for _ in range(3):
        if encoder is not None:
            encoder.forget()
        together += cpu_seconds(lambda: bot.answer_many(asked, now=NOW))[0]
    return {
        "answer_cpu_ms": _ms(each),
        "answers_per_s_alone": len(each) / (sum(each) / 1e3),
        "answers_per_s_together": 3 * len(asked) / together,
        "learn_cpu_s": learn_cpu,
        "learn_wall_s": learn_wall,
        "relearn_cpu_s": relearn_cpu,
    }


def shown(result: dict[str, Any]) -> list[dict[str, Cell]]:
    """Return the numbers as rows to print."""
    ms = result["answer_cpu_ms"]
    told = [
        ("CPU per answer, ms: p50 / p99", f"{ms['p50']:.2f} / {ms['p99']:.2f}"),
        ("answers a CPU second, alone", f"{result['answers_per_s_alone']:,.0f}"),
        ("answers a CPU second, together", f"{result['answers_per_s_together']:,.0f}"),
        (
            "seconds to learn, CPU / wall",
            f"{result['learn_cpu_s']:.1f} / {result['learn_wall_s']:.1f}",
        ),
        ("seconds to learn one wording more, CPU", f"{result['relearn_cpu_s']:.1f}"),
    ]
    return [{"what": what, "value": value} for what, value in told]


def _ms(each: Sequence[float]) -> dict[str, float]:
    return {"p50": each[len(each) // 2], "p99": each[int(len(each) * 0.99)]}


if __name__ == "__main__":
    main()
