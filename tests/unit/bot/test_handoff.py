"""When the bot steps aside, and what the human is told."""

from __future__ import annotations

import msgspec
import pytest

from bot.handoff import NOTE_CHARS, REASONS, HandoffRules, Turn, rules_of, summarise, why_hand_off
from bot.texts import TEXTS

RULES = HandoffRules(vip_from=3, intents=("fraud",))


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        (Turn(text="轉人工！"), "asked"),
        (Turn(text="no, not a human"), None),
        (Turn(text="this is ridiculous"), "mood"),
        (Turn(text="你們太差了"), "mood"),
        (Turn(text="the exchange rate is terrible"), None),
        (Turn(text="😡"), "mood"),
        (Turn(text="傻逼"), "abuse"),
        (Turn(kind="image"), "attachment"),
        (Turn(kind="file"), "attachment"),
        (Turn(text="x", topic="fraud"), "intent"),
        (Turn(text="x", vip=3), "vip"),
        (Turn(text="x", rating=1), "low_rating"),
        (Turn(text="x", misses=2), "misses"),
        (Turn(text="x", misses=1, rating=5, vip=2), None),
    ],
)
def test_the_reason_is_named(turn: Turn, reason: str | None) -> None:
    assert why_hand_off(turn, RULES) == reason


def test_a_rule_that_is_off_is_silent() -> None:
    off = HandoffRules(misses=0, low_rating=0, moods=False, attachments=False, asked=())
    assert why_hand_off(Turn(text="useless", kind="file", misses=9, rating=1, vip=9), off) is None
    assert why_hand_off(Turn(text="转人工"), off) is None


def test_an_organisations_changes_are_laid_over_the_defaults() -> None:
    rules = rules_of({"misses": 3, "asked": ["店长"]})
    assert why_hand_off(Turn(text="找店长"), rules) == "asked"
    assert why_hand_off(Turn(text="x", misses=2), rules) is None
    with pytest.raises(msgspec.ValidationError):
        rules_of({"misses": "many"})


def test_the_note_begins_with_the_code_and_says_about_what_and_the_last_lines() -> None:
    lines = [("客户", f"line {n}") for n in range(9)] + [("机器人", "长" * 500)]
    note = summarise("misses", "机器人连续未能回答", lines, ["Refunds", "Refunds"])
    assert note.startswith("[misses] 机器人连续未能回答\nRefunds\n客户: line 0\n")
    assert note.endswith("…")
    assert len(note) < 500


def test_a_note_always_fits_into_a_transfer() -> None:
    lines = [("c", "x" * 400)] * 100
    note = summarise("asked", "w" * 50, lines, ["t" * 400] * 5)
    assert len(note) <= NOTE_CHARS
    assert len(note) > NOTE_CHARS - 400


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_said_in_both_languages(reason: str) -> None:
    assert all(TEXTS[f"why.{reason}"])
