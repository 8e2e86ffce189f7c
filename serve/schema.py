"""The wire as a JSON Schema, generated from the types that decode and encode it.

`python -m serve.schema` writes `docs/protocol.schema.json`; a test checks that it is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, get_args

import msgspec

from actors.frames import JournalFrame, SoftFrame
from serve.wire import ClientFrame

FILE = Path(__file__).resolve().parent.parent / "docs" / "protocol.schema.json"
PLACE = "#/$defs/{name}"

CLIENT_FRAMES: tuple[type[msgspec.Struct], ...] = get_args(ClientFrame)
SERVER_FRAMES: tuple[type[msgspec.Struct], ...] = get_args(JournalFrame) + get_args(SoftFrame)


def tag_of(frame: type[msgspec.Struct]) -> str:
    """Return what stands in the frame's key `t`."""
    return str(frame.__struct_config__.tag)


def make_schema() -> dict[str, Any]:
    """Return the schema: what a client may send, and what the server sends."""
    frames = [*CLIENT_FRAMES, *SERVER_FRAMES]
    found, parts = msgspec.json.schema_components(frames, ref_template=PLACE)
    by_frame = dict(zip(frames, found, strict=True))
    sides = {"ClientFrame": CLIENT_FRAMES, "ServerFrame": SERVER_FRAMES}
    for name, side in sides.items():
        parts[name] = {"oneOf": [by_frame[frame] for frame in side]}
        either = [{"$ref": PLACE.format(name=name)}]
        array = {"type": "array", "minItems": 1, "items": either[0]}
        parts[name.replace("Frame", "Message")] = {"oneOf": [*either, array]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Raydesk wire protocol, version 1",
        "description": "One WebSocket message: a frame, or an array of frames. See protocol.md.",
        "oneOf": [{"$ref": PLACE.format(name=f"{side}Message")} for side in ("Client", "Server")],
        "$defs": dict(sorted(parts.items())),
    }


def encode_schema() -> bytes:
    """Return the file's content."""
    return msgspec.json.format(msgspec.json.encode(make_schema()), indent=2) + b"\n"


def main(target: Path = FILE) -> int:
    """Write the file; return the exit code."""
    target.write_bytes(encode_schema())
    sys.stdout.write(f"wrote {target.name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
