"""`docs/protocol.md` and its schema say exactly what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft202012Validator

from actors.frames import ErrorCode, JournalFrame, SoftFrame, encode_frame
from actors.permissions import Permission
from serve import schema
from serve.gateway.limits import Limits
from serve.schema import CLIENT_FRAMES, SERVER_FRAMES, tag_of
from serve.wire import TEXT_LIMIT, decode_frame

TEXT = (schema.FILE.parent / "protocol.md").read_text()
MADE = schema.make_schema()
SIDES = {"Client to server": "ClientFrame", "Server to client": "ServerFrame"}


def section(title: str) -> str:
    """Return one chapter of the page."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found.group(1)


def examples(title: str) -> list[tuple[str, str]]:
    """Return (heading, JSON text) of each example of a chapter."""
    made = []
    for part in section(title).split("\n### ")[1:]:
        heading, _, rest = part.partition("\n")
        made += [
            (heading.strip(), text) for text in re.findall(r"```json\n(.*?)\n```", rest, re.DOTALL)
        ]
    return made


ALL = [(side, *example) for title, side in SIDES.items() for example in examples(title)]


def validator(side: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{side}", "$defs": MADE["$defs"]})


def test_the_schema_file_is_up_to_date() -> None:
    assert schema.FILE.read_bytes() == schema.encode_schema()


def test_writing_the_schema_writes_what_was_made(tmp_path: Path) -> None:
    target = tmp_path / "schema.json"
    assert schema.main(target) == 0
    assert msgspec.json.decode(target.read_bytes()) == MADE


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(MADE)


@pytest.mark.parametrize(("side", "heading", "text"), ALL)
def test_every_example_is_valid_and_stands_under_its_name(
    side: str, heading: str, text: str
) -> None:
    frame = msgspec.json.decode(text)
    assert frame["t"] == heading
    validator(side).validate(frame)
    if side == "ClientFrame":
        assert tag_of(type(decode_frame(text))) == heading
    else:
        decoded = msgspec.json.decode(text, type=JournalFrame | SoftFrame)
        assert msgspec.json.decode(encode_frame(decoded), type=JournalFrame | SoftFrame) == decoded


@pytest.mark.parametrize(
    ("title", "frames"), [("Client to server", CLIENT_FRAMES), ("Server to client", SERVER_FRAMES)]
)
def test_every_frame_has_an_example(title: str, frames: Any) -> None:
    assert {heading for heading, _ in examples(title)} == {tag_of(frame) for frame in frames}


def test_every_error_code_is_listed_once_and_no_other() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", section("Error codes"), re.MULTILINE)
    assert sorted(listed) == sorted(get_args(ErrorCode))


def test_every_frame_of_a_client_declares_its_permission() -> None:
    assert all(isinstance(frame.permission, Permission) for frame in CLIENT_FRAMES)


@pytest.mark.parametrize("side", list(SIDES.values()))
def test_the_schema_refuses_what_is_no_frame(side: str) -> None:
    refused = [{}, {"t": "sing"}, {"t": "say"}, [], "hello", {"t": "ack"}]
    assert not any(validator(side).is_valid(frame) for frame in refused)


def test_the_schema_refuses_a_forged_key_as_the_decoder_does() -> None:
    frame = {"t": "end", "session": "7", "client_id": "c"}
    assert validator("ClientFrame").is_valid(frame)
    for forged in ("from", "seq", "at", "role"):
        assert not validator("ClientFrame").is_valid({**frame, forged: "x"})
        with pytest.raises(msgspec.ValidationError):
            decode_frame(msgspec.json.encode({**frame, forged: "x"}))


def test_a_message_may_be_an_array_of_frames() -> None:
    Draft202012Validator(MADE).validate([{"t": "ping"}, {"t": "ping"}])


def test_the_table_of_limits_tells_the_limits() -> None:
    limits, table = Limits(), section("Limits")
    for told in (
        f"{limits.hello_s:.0f} s",
        f"{limits.frame_bytes // 1024} KB",
        f"{limits.message_bytes // 1024} KB, {limits.message_frames} frames",
        f"{TEXT_LIMIT:,} characters",
        f"{limits.customer_rate:,.0f} a second, {limits.customer_burst:,.0f} at once",
        f"{limits.agent_rate:,.0f} a second, {limits.agent_burst:,.0f} at once",
        f"{limits.refused_n:,} |",
        f"{limits.queue_bytes // 1024**2} MB",
        f"{limits.customer_connections} / {limits.agent_connections} per gateway",
    ):
        assert told in table, told
