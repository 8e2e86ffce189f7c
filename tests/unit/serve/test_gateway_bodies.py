"""What may be said, and which links may be shown."""

from __future__ import annotations

from typing import Any

import pytest

from actors.links import is_safe_url
from actors.messages import Body
from serve.gateway.bodies import BodyError, check_body
from serve.wire import WireBody


@pytest.mark.parametrize(
    "url",
    [
        "https://files.example/a.jpg",
        "http://files.example:8080/a?b=c#d",
        "HTTPS://files.example/a",
        "/orders/881",
        "/",
        "https://例え.example/图.png",
    ],
)
def test_a_web_link_or_a_path_of_the_site_is_safe(url: str) -> None:
    assert is_safe_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://files.example/a",
        "//evil.test/a",
        "/\\evil.test/a",
        "\\\\evil.test\\a",
        "https:\\\\evil.test",
        "https://",
        "https:///a",
        "https:evil.test",
        "https://shop.example@evil.test/",
        "https://[::1",
        "relative/path",
        "?query",
        "https://shop.example/\u202eexe.jpg",
        "https://shop.example/a b",
    ],
)
def test_anything_else_is_not(url: str) -> None:
    assert not is_safe_url(url)


@pytest.mark.parametrize(
    "keys",
    [
        {"kind": "text", "text": "你好"},
        {"kind": "text", "text": "<script>alert(1)</script>"},
        {"kind": "image", "url": "/i.png", "name": "i.png", "size": 3, "text": "look"},
        {"kind": "file", "url": "https://a.example/f.pdf"},
        {"kind": "card", "title": "T", "buttons": ["a", "b"]},
        {"kind": "card", "text": "t", "url": "/x"},
    ],
)
def test_a_good_body_keeps_all_its_keys(keys: dict[str, Any]) -> None:
    assert check_body(WireBody(**keys)) == Body(**keys)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"kind": "text"}, "empty"),
        ({"kind": "text", "text": " \n\t"}, "empty"),
        ({"kind": "text", "text": "a\x00b"}, "NUL"),
        ({"kind": "text", "text": "a", "url": "/x"}, "only `text`"),
        ({"kind": "image"}, "needs one"),
        ({"kind": "image", "url": "/i.png", "title": "T"}, "belong to a card"),
        ({"kind": "file", "url": "javascript:x"}, "must be http"),
        ({"kind": "file", "url": "/f", "name": "a\x00"}, "NUL"),
        ({"kind": "card"}, "title or a text"),
        ({"kind": "card", "title": "T", "buttons": ["a\x00"]}, "NUL"),
        ({"kind": "card", "title": "T", "url": "//evil.test"}, "must be http"),
    ],
)
def test_a_bad_body_is_refused_with_a_reason(keys: dict[str, Any], says: str) -> None:
    with pytest.raises(BodyError, match=says):
        check_body(WireBody(**keys))
