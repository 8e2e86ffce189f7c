"""Nothing a client sends can make the decoder raise, and every error is answerable."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from actors.frames import ErrorCode
from serve import schema
from serve.gateway.decoding import Bad, decode_message
from serve.gateway.limits import Limits
from serve.schema import CLIENT_FRAMES, tag_of

LIMITS = Limits()
SCHEMA = schema.make_schema()
CLIENT = Draft202012Validator({"$ref": "#/$defs/ClientFrame", "$defs": SCHEMA["$defs"]})
CODES = get_args(ErrorCode)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYS = [
    "session",
    "client_id",
    "body",
    "seq",
    "from",
    "token",
    "cursors",
    "text",
    "status",
    "score",
]
FRAME_LIKE = st.builds(
    lambda tag, keys: {"t": tag, **keys},
    st.sampled_from([tag_of(frame) for frame in CLIENT_FRAMES]),
    st.dictionaries(st.sampled_from(KEYS), JSON | st.just("7"), max_size=5),
)


def one(message: str | bytes) -> Any:
    (found,) = decode_message(message, LIMITS)
    return found


@settings(deadline=None)
@given(message=st.text(max_size=200) | st.binary(max_size=200))
def test_no_message_makes_it_raise(message: str | bytes) -> None:
    for found in decode_message(message, LIMITS):
        assert not isinstance(found, Bad) or found.code in CODES


@settings(deadline=None)
@given(frame=FRAME_LIKE)
def test_the_decoder_and_the_schema_agree_on_what_is_a_frame(frame: dict[str, Any]) -> None:
    found = one(msgspec.json.encode(frame))
    if CLIENT.is_valid(frame) != (not isinstance(found, Bad)):
        # JSON Schema counts 1.0 as an integer; msgspec does too, but not booleans or 1e400.
        assert any(isinstance(value, float) for value in _leaves(frame))


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [value]


@settings(deadline=None)
@given(frames=st.lists(FRAME_LIKE | JSON, min_size=1, max_size=6))
def test_an_array_is_its_frames_one_by_one(frames: list[Any]) -> None:
    together = decode_message(msgspec.json.encode(frames), LIMITS)
    alone = [one(msgspec.json.encode(frame)) for frame in frames if not isinstance(frame, list)]
    assert len(together) == len(frames)
    assert [
        found for found, frame in zip(together, frames, strict=True) if not isinstance(frame, list)
    ] == alone


@pytest.mark.parametrize(
    ("message", "code", "client_id"),
    [
        ('{"t":"say","client_id":"c","session":"7"}', "bad_frame", "c"),
        ('{"t":"say","client_id":7}', "bad_frame", ""),
        ('{"t":"say","client_id":"' + "c" * 65 + '"}', "bad_frame", ""),
        ('{"t":"shout","client_id":"c"}', "unknown_frame", "c"),
        ('{"client_id":"c"}', "bad_frame", "c"),
        ('{"t":null,"client_id":"c"}', "bad_frame", "c"),
        ('{"t":"ping","t":"sing"}', "unknown_frame", ""),
        ('{"t":"rate","session":"7","client_id":"c","score":6}', "bad_frame", "c"),
        ('{"t":"rate","session":"7","client_id":"c","score":true}', "bad_frame", "c"),
        ('{"t":"recall","session":"7","client_id":"c","seq":-1}', "bad_frame", "c"),
        ('{"t":"recall","session":"7","client_id":"c","seq":1e400}', "bad_frame", "c"),
        ('{"t":"end","session":"","client_id":"c"}', "bad_frame", "c"),
        ('{"t":"end","session":"7","client_id":""}', "bad_frame", ""),
        ('{"t":"say","client_id":"c","body":{"text":"\\ud800"}}', "bad_frame", ""),
        ("", "bad_frame", ""),
        ("null", "bad_frame", ""),
        ('"hello"', "bad_frame", ""),
        ("NaN", "bad_frame", ""),
        ("[1]", "bad_frame", ""),
        (b"\xff{}", "bad_frame", ""),
    ],
)
def test_each_bad_frame_has_its_code_and_names_its_command(
    message: str | bytes, code: str, client_id: str
) -> None:
    found = one(message)
    assert isinstance(found, Bad)
    assert (found.code, found.client_id) == (code, client_id)
    assert found.detail.endswith(".")


def test_sizes_are_counted_in_bytes_not_characters() -> None:
    fits = '{"t":"ping","pad":"%s"}' % ("x" * (LIMITS.frame_bytes - 100))
    assert one(fits).code == "bad_frame"
    wide = '{"t":"ping","pad":"%s"}' % ("好" * (LIMITS.frame_bytes // 2))
    assert len(wide) < LIMITS.frame_bytes
    assert one(wide).code == "too_large"


def test_an_array_is_bounded_in_bytes_and_in_frames() -> None:
    frame = '{"t":"ping"}'
    many = "[" + ",".join([frame] * LIMITS.message_frames) + "]"
    assert len(decode_message(many, LIMITS)) == LIMITS.message_frames
    more = "[" + ",".join([frame] * (LIMITS.message_frames + 1)) + "]"
    assert one(more).code == "too_large"
    heavy = "[" + " " * LIMITS.message_bytes + frame + "]"
    assert one(heavy).code == "too_large"
    big = '{"t":"ping","pad":"%s"}' % ("x" * LIMITS.frame_bytes)
    found = decode_message(f"[{frame},{big},{frame}]", LIMITS)
    assert [isinstance(each, Bad) for each in found] == [False, True, False]
    assert decode_message("[]", LIMITS) == []
