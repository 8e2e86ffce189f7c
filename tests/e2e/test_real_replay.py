"""Recorded dialogues through the real system, to people who have fewer slots than callers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from examples import replay
from tests.support.real import PASSWORD, Real
from tests.support.shops import DESK, new_shop

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

SESSIONS_N = 24
TURNS = [
    ("customer", "你好，我想找一家餐馆。"),
    ("agent", "好的，请问人均多少？"),
    ("customer", "About 100."),
    ("agent", "推荐您去讲礼驴肉馆。"),
]
PEOPLE = ("ann", "bob")


@pytest.mark.parametrize("entry", ["desk", "hall"])
async def test_every_dialogue_is_played_to_its_end(real: Real, tmp_path: Path, entry: str) -> None:
    """Into a queue of people at once, and by way of a bot that is asked for a person."""
    shop = new_shop(real)
    account = {"groups": ["people"], "capacity": 5, "password_env": "PASSWORD"}
    bot = {"kind": "bot", "groups": ["bots"], "capacity": 50}
    await shop.declare(
        entry_queue=entry,
        groups={"people": "People", "bots": "Bots"},
        queues={
            "desk": {**DESK, "groups": ["people"], "wrap_up_s": 60},
            "hall": {**DESK, "kind": "bot", "groups": ["bots"], "accept": "auto"},
        },
        agents={name: {"name": name, **account} for name in PEOPLE}
        | {"robot": {"name": "R", **bot}},
        sites={f"{shop.org}-site": {}},
    )
    file, told = tmp_path / "dialogues.jsonl", tmp_path / "told.json"
    turns = [{"role": role, "text": text} for role, text in TURNS]
    lines = [json.dumps({"id": str(n), "turns": turns}) for n in range(SESSIONS_N)]
    file.write_text("\n".join(lines), encoding="utf-8")
    options = [
        f"--url={real.http_url}",
        f"--org={shop.org}",
        f"--site={shop.org}-site",
        f"--agents={','.join(f'{name}:{PASSWORD}' for name in PEOPLE)}",
        f"--sessions={SESSIONS_N}",
        "--speed=0",
        f"--json={told}",
    ]
    code = await asyncio.to_thread(replay.main, [str(file), *options])
    outcome = json.loads(told.read_text())
    await shop.close()
    assert code == 0, outcome
    assert outcome["ended"] == SESSIONS_N
    checked = outcome["checked"]
    counts = ("lost", "duplicated", "out_of_order", "missing_in_history", "double_assigned")
    assert {name: checked[name] for name in counts} == dict.fromkeys(counts, 0)
    assert checked["acked"] >= SESSIONS_N * len(TURNS)
