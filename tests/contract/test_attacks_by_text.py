"""Strange texts and strange fields in everything that the administration API takes: whatever is
taken comes back as it was, opens nothing and breaks nothing. On SQLite and PostgreSQL."""

from __future__ import annotations

import base64
from typing import Any, get_args
from urllib.parse import quote

import msgspec
import pytest
from pydantic import BaseModel

from infra.directory.kinds import BY_NAME, KINDS
from serve import wire as w
from serve.admin.application import ENDPOINTS
from serve.admin.forms import FORMS
from serve.api_tokens import SignInRequest, VisitorRequest
from serve.oauth.me import Enrolment, NewPassword, SignOut
from tests.support.admin import BASE

pytest_plugins = ["tests.support.server_fixtures"]

STRANGE = (
    "' OR '1'='1",
    "'OR'1'='1",
    '"; DROP TABLE accounts; --',
    "x\\'; DELETE FROM audit; --",
    "a\x00b",
    "{0.__class__}",
    "{p3}r:agent/demo/alice",
    "${7*7}{{7*7}}",
    "a\r\nSET x y\r\n",
    "*",
    "?[a-z]*%_",
    "../../etc/passwd",
    "é\u202e\u0000\U0001f600",
    "%00%27",
)
RIGHT: dict[str, dict[str, Any]] = {
    "holidays": {"id": "n", "name": "n"},
    "hours": {"id": "n", "name": "n"},
    "groups": {"id": "n", "name": "n"},
    "skills": {"id": "n", "name": "n"},
    "dispositions": {"id": "n", "name": "n"},
    "queues": {"id": "n", "name": "n"},
    "roles": {"id": "n", "name": "n"},
    "accounts": {"id": "n", "name": "n"},
    "blacklist": {"id": "n", "kind": "customer", "value": "n"},
    "customers": {"id": "n"},
    "sites": {"id": "n"},
    "canned-replies": {"id": "n", "title": "n", "text": "n"},
    "settings": {"id": "group:travel"},
}
UNASKED = {
    "org": "two",
    "role": "admin",
    "roles": ["admin"],
    "stamp": "x",
    "password_hash": "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$x",
    "secret_hash": "x",
    "has_password": True,
    "version": 1,
    "head_version": 1,
    "audit_hash": "",
    "is_admin": True,
    "__class__": "x",
}
"""Fields that somebody might slip in."""


def texts_of(form: type[BaseModel]) -> list[str]:
    """Return the form's fields that take a text."""
    found = form.model_json_schema()["properties"]
    return [
        name
        for name, one in found.items()
        if any(part.get("type") == "string" for part in (one, *one.get("anyOf", ())))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
async def test_a_strange_text_is_kept_as_it_is_or_refused(admin, demo, name):
    before = await demo.read("demo")
    for field in texts_of(FORMS[name].create):
        for text in STRANGE:
            made = await admin("POST", f"/{name}", {**RIGHT[name], field: text})
            assert made.status_code in (201, 409, 422), (field, text, made.text)
            if made.status_code == 201:
                row = made.json()
                assert row.get(field, text) == text
                path = f"/{name}/{quote(row['id'], safe='')}"
                assert (await admin("GET", path)).json() == row
                gone = await admin("DELETE", path, if_match=made.headers["etag"])
                assert gone.status_code == 204
    assert await demo.read("demo") == before


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
async def test_a_strange_id_or_filter_finds_nothing(admin, name):
    for text in STRANGE:
        quoted = quote(text, safe="")
        for method in ("GET", "DELETE"):
            answer = await admin(method, f"/{name}/{quoted}", if_match="*")
            assert answer.status_code == 404, (text, answer.text)
        for key in BY_NAME[name].filters:
            answer = await admin("GET", f"/{name}?{key}={quoted}")
            assert answer.status_code in (200, 400), (key, text, answer.text)
            assert answer.status_code == 400 or answer.json()["items"] == [], (key, text)


async def test_a_cursor_is_an_id_and_no_statement(admin):
    for text in STRANGE:
        cursor = base64.urlsafe_b64encode(f"zz{text}".encode()).decode().rstrip("=")
        answer = await admin("GET", f"/accounts?cursor={cursor}")
        assert answer.status_code == 400 or answer.json()["items"] == [], text


async def test_strange_texts_in_the_audits_filters_find_nothing(admin):
    for name in ("actor", "action", "resource", "row"):
        for text in STRANGE:
            answer = await admin("GET", f"/audit?{name}={quote(text, safe='')}")
            assert answer.status_code == 400 or answer.json()["items"] == [], (name, text)


async def test_a_strange_idempotency_key_is_refused_or_its_own(admin):
    for number, text in enumerate(STRANGE):
        key = text.encode("ascii", "replace").decode().replace("\r\n", " ").replace("\x00", " ")
        row = {"id": f"n{number}", "title": "t", "text": "t"}
        answer = await admin("POST", "/canned-replies", row, idempotency_key=key)
        assert answer.status_code in (201, 400), (text, answer.text)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
async def test_a_field_that_is_not_in_the_form_is_refused_and_changes_nothing(admin, demo, name):
    made = await admin("POST", f"/{name}", RIGHT[name])
    assert made.status_code == 201, made.text
    path, before = f"/{name}/{quote(made.json()['id'], safe='')}", await demo.read("demo")
    form = FORMS[name].write
    for field, value in UNASKED.items():
        if field in form.model_fields:
            continue
        rest = {key: one for key, one in RIGHT[name].items() if key != "id"}
        for method, to, body in (
            ("POST", f"/{name}", {**RIGHT[name], "id": "another", field: value}),
            ("PUT", path, {**rest, field: value}),
            ("PATCH", path, {field: value}),
        ):
            answer = await admin(method, to, body, if_match="*")
            assert answer.status_code == 422, (method, field, answer.text)
    moved = await admin("PATCH", path, {"id": "another"}, if_match="*")
    assert moved.status_code == 422, "a row's id is no field of it"
    assert await demo.read("demo") == before


def test_every_form_of_the_api_forbids_what_it_does_not_name():
    for one in ENDPOINTS:
        for form in (one.body, one.query):
            if form is not None:
                assert form.model_config["extra"] == "forbid", (BASE, one.path, form)
    taken = (SignInRequest, VisitorRequest, Enrolment, NewPassword, SignOut, w.WireBody, w.Cursor)
    for kind in (*taken, *get_args(w.ClientFrame)):
        assert kind.__struct_config__.forbid_unknown_fields, kind


@pytest.mark.parametrize("kind", get_args(w.ClientFrame), ids=lambda k: k.__struct_config__.tag)
def test_no_frame_says_who_sent_it_or_when(kind):
    for name in ("from", "from_", "role", "org", "seq_", "at", "person", "conn", "vip"):
        frame = {"t": kind.__struct_config__.tag, name: "x"}
        with pytest.raises(msgspec.ValidationError):
            w.decode_frame(msgspec.json.encode(frame))
        assert name not in kind.__struct_fields__


def test_every_kind_is_tried():
    assert list(RIGHT) == [kind.name for kind in KINDS] == list(FORMS)
