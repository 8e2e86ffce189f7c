"""The replay and the client through the real doors."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from actors.frames import Message
from examples import replay
from examples.signing_in import Api
from serve.client import CustomerClient
from tests.support.one_desk import SITE, Centre

WITHIN_S = 30.0
TURNS = [
    ("customer", "你好，我想找一家餐馆。"),
    ("agent", "好的，请问人均多少？"),
    ("customer", "About 100."),
    ("customer", "最好有停车位"),
    ("agent", "推荐您去讲礼驴肉馆。"),
]


def recorded(folder: Path, count: int) -> Path:
    path = folder / "dialogues.jsonl"
    turns = [{"role": role, "text": text} for role, text in TURNS]
    lines = [json.dumps({"id": str(n), "turns": turns}) for n in range(count)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


async def test_a_replay_ends_every_dialogue_and_writes_what_it_counted(
    centre: Centre, tmp_path: Path
) -> None:
    file, told = recorded(tmp_path, 20), tmp_path / "told.json"
    options = ["--sessions", "30", "--speed", "0", "--url", centre.url, "--json", str(told)]
    agents = ["--agents", "ann:right,bob:right"]
    async with asyncio.timeout(WITHIN_S):
        code = await asyncio.to_thread(replay.main, [str(file), *options, *agents])
    outcome = json.loads(told.read_text())
    assert code == 0, outcome
    assert outcome["ended"] == 30
    assert outcome["checked"]["sent"] == outcome["checked"]["acked"] == 30 * len(TURNS)
    for talk in centre.desk.talks.values():
        said = [frame for frame in talk.frames if isinstance(frame, Message)]
        assert [(frame.from_.role, frame.body.text) for frame in said if frame.body] == TURNS


async def test_a_client_goes_on_at_the_next_gateway_where_it_was(centre: Centre) -> None:
    api = Api(centre.url)
    token = await api.visitor_token(SITE)
    await api.close()
    async with CustomerClient(api.socket_url, token, proxy=None) as client:
        await client.start()
        await client.say("one")
        await centre.close()
        waiting = client.say("two")
        await centre.open()
        ack = await asyncio.wait_for(waiting, WITHIN_S)
        assert ack.seq == 4
        seen = []
        async for event in client.events():
            if isinstance(event, Message) and event.body:
                seen.append(event.body.text)
                if event.body.text == "two":
                    break
    assert seen == ["one", "two"]
