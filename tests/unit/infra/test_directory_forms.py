"""The declared forms: what may be stored, and what is refused with its place."""

import pytest
from pydantic import ValidationError

from infra.directory import declared_rows as d
from infra.directory.declared import DeclarationError, parse, parse_yaml, to_yaml

BASE = {"org": "a", "name": "b", "entry_queue": "q", "queues": {"q": {"name": "q"}}}


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (d.DeclaredReply, {"title": "x", "text": "{{password}}"}),
        (d.DeclaredReply, {"title": "x", "text": "x", "owner": "a", "group": "g"}),
        (d.DeclaredHours, {"name": "x", "time_zone": "Mars/Olympus"}),
        (d.DeclaredHours, {"name": "x", "week": {"mon": ["18:00-09:00"]}}),
        (d.DeclaredHours, {"name": "x", "week": {"mon": ["09:00-12:00", "11:00-13:00"]}}),
        (d.DeclaredHours, {"name": "x", "week": {"mon": ["9-5"]}}),
        (d.DeclaredHours, {"name": "x", "week": {"someday": []}}),
        (d.DeclaredHolidays, {"name": "x", "days": [{"date": "2027-01-01"}] * 2}),
        (d.DeclaredSite, {"origins": ["https://shop.example/path"]}),
        (d.DeclaredSite, {"origins": ["https://*.example"]}),
        (d.DeclaredSite, {"origins": ["javascript:alert(1)"]}),
        (d.DeclaredSite, {"look": {"colour": "red"}}),
        (d.DeclaredBar, {"kind": "ip", "value": "10.0.0.0/64"}),
        (d.DeclaredBar, {"kind": "device", "value": "d", "starts_at": 5, "ends_at": 5}),
        (d.DeclaredQueue, {"name": "x", "timeout_s": float("inf")}),
        (d.DeclaredQueue, {"name": "x", "limit": 0}),
        (d.DeclaredAgent, {"name": "x", "skills": {"s": 6}}),
        (d.DeclaredAgent, {"name": "x", "password_hash": "plain"}),
        (d.DeclaredCustomer, {"lang": "zh CN"}),
    ],
)
def test_what_makes_no_sense_is_refused(form, content):
    with pytest.raises(ValidationError):
        form.model_validate(content)


def test_the_variables_of_a_reply_are_known_ones():
    text = "{{customer_name}}, {{ agent_name }} {not one}"
    assert d.DeclaredReply(title="x", text=text).text == text


def test_a_plain_list_of_dispositions_keeps_its_order():
    found = parse({**BASE, "dispositions": ["好 good", "坏 bad"]}, "").dispositions
    assert [(key, one.name) for key, one in found.items()] == [("d1", "好 good"), ("d2", "坏 bad")]


def test_an_entry_of_the_blacklist_has_the_id_of_its_content():
    one = d.DeclaredBar(kind="ip", value="10.0.0.0/8", reason="a")
    assert one.key() == d.DeclaredBar(kind="ip", value="10.0.0.0/8", reason="b").key()
    assert one.key() != d.DeclaredBar(kind="ip", value="10.0.0.0/9").key()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"settings": {"group:x": {}}}, r"settings\.group:x\.id: one of \[\]"),
        ({"settings": {"somewhere": {}}}, "settings"),
        ({"canned_replies": {"r": {"title": "t", "text": "t", "group": "x"}}}, "canned_replies.r"),
        ({"hours": {"h": {"name": "h", "holidays": ["x"]}}}, r"hours\.h\.holidays"),
    ],
)
def test_a_reference_to_nothing_is_named(change, told):
    with pytest.raises(DeclarationError, match=told):
        parse({**BASE, **change}, "a test")


def test_a_mistake_does_not_show_the_value():
    with pytest.raises(DeclarationError) as caught:
        parse({**BASE, "agents": {"x": {"name": "x", "password_hash": "hunter2"}}}, "a test")
    assert "hunter2" not in str(caught.value)


def test_a_file_from_elsewhere_has_no_aliases_and_one_from_here_may():
    text = "org: a\nname: b\nentry_queue: q\nqueues: {q: &one {name: q}, r: *one}"
    assert parse_yaml(text, "here", trusted=True).queues["r"].name == "q"
    with pytest.raises(DeclarationError, match="aliases"):
        parse_yaml(text, "there")


def test_a_file_without_secrets_has_none():
    hashed = "$argon2id$v=19$x"
    whole = parse(
        {
            **BASE,
            "agents": {"x": {"name": "x", "password_hash": hashed}},
            "sites": {"s": {"secret": "s3cret"}},
        },
        "",
    )
    assert hashed in to_yaml(whole)
    text = to_yaml(whole, secrets=False)
    assert hashed not in text
    assert "s3cret" not in text
    assert set(parse_yaml(text, "").agents) == {"x"}
