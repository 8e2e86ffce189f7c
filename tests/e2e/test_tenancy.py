"""No organisation sees another's: every HTTP route and every wire frame, with another
organisation's valid token and this one's ids, on the whole real system.

Each request is sent twice: with an id that the other organisation has, and with one that never
existed. The answers must be the same, byte for byte and header for header. The routes come from the
application and the frames from `serve/wire.py`: a new one without a case here fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from infra.directory.store import Directory
from serve.admin.application import ENDPOINTS
from serve.admin.row_routes import BASE
from tests.support.tenants import (
    CALENDAR,
    MARK,
    ROWS,
    SECRET,
    TOPIC,
    Pair,
    all_doors,
    filled,
    missing,
    routes_of,
)

pytest_plugins = ["tests.support.real", "tests.support.tenants"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

IDS = dict[str, str]
CHANGING = {"date", "etag", "x-request-id"}
"""Headers that differ between any two answers."""

# Bodies that name rows of the organisation: `{collection}` becomes an id.
NAMING: dict[str, dict[str, Any]] = {
    "queues": {
        "name": "n",
        "groups": ["{groups}"],
        "hours": "{hours}",
        "overflow_to": "{queues}",
        "needs": {"{skills}": 2},
    },
    "hours": {"name": "n", "holidays": ["{holidays}"]},
    "accounts": {"name": "n", "groups": ["{groups}"], "skills": {"{skills}": 3}},
    "canned-replies": {"title": "t", "text": "t", "owner": "{accounts}"},
    "roles": {"name": "n", "permissions": ["queues:read"]},
    "blacklist": {"kind": "customer", "value": "{customers}"},
    "settings": {"sound": False},
    **{
        name: {"name": "n"}
        for name in ("holidays", "groups", "skills", "dispositions", "customers", "sites")
    },
}
OWN_ID: dict[str, str] = {"settings": "account:{accounts}"}
"""Ids that name a row; others are free, and the same id may be taken in each organisation."""

TREE: dict[str, Any] = {"categories": []}
BODIES: dict[tuple[str, str], Any] = {
    ("PUT", "/accounts/{id}/skills/{skill}"): {"level": 3},
    ("POST", "/holidays/{id}/calendar"): "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
    ("PATCH", "/organisation"): {"entry_queue": "{queues}"},
    ("PUT", "/organisation"): {"name": "n", "entry_queue": "{queues}"},
    ("PUT", "/organisation/file"): "org: {org}\nname: n\nentry_queue: q\nqueues: {q: {name: q}}",
    ("POST", "/organisations"): {"id": "{org}", "name": "n", "administrator": "x"},
    ("POST", "/knowledge/bases"): {"id": "own", "name": "n"},
    ("PUT", "/knowledge/bases/{base}"): {"name": "n"},
    ("PATCH", "/knowledge/bases/{base}"): {"name": "n"},
    ("PUT", "/knowledge/bases/{base}/categories"): TREE,
    ("POST", "/knowledge/bases/{base}/topics"): TOPIC,
    ("PUT", "/knowledge/bases/{base}/topics/{topic}"): TOPIC,
    ("PATCH", "/knowledge/bases/{base}/topics/{topic}"): {"enabled": False},
    ("POST", "/knowledge/bases/{base}/versions"): {"note": "n"},
    ("POST", "/knowledge/bases/{base}/versions/{number}/restore"): {},
    ("POST", "/knowledge/bases/{base}/search-test"): {"text": "q"},
    ("POST", "/knowledge/bases/{base}/import"): b"not a table",
}
PARAMETERS = {"account": "accounts", "skill": "skills", "base": "bases", "topic": "topics"}
"""Name in a path -> collection; `id` is of the collection that the path begins with."""
FILTERS = {
    "group": "groups",
    "skill": "skills",
    "owner": "accounts",
    "actor": "accounts",
    "role": "roles",
    "hours": "hours",
}

NO_IDS = {
    ("WEBSOCKET", "/ws"): "frame by frame below",
    ("GET", "/healthz"): "says nothing of anybody",
    ("GET", "/readyz"): "says nothing of anybody",
    ("GET", "/.well-known/jwks.json"): "public keys",
    ("GET", "/.well-known/oauth-authorization-server"): "public",
    ("GET", "/oauth/authorize"): "shows the sign-in page to everybody",
    ("POST", "/oauth/sign-in"): "needs the person's password: test_oauth_attacks.py",
    ("GET", "/oauth/callback"): "needs a sign-in of this browser's own",
    ("POST", "/oauth/token"): "needs a code, refresh token or secret: test_oauth_attacks.py",
    ("POST", "/v1/me/password"): "acts on the caller alone",
    ("POST", "/v1/me/totp"): "acts on the caller alone",
    ("DELETE", "/v1/me/totp"): "acts on the caller alone",
    ("POST", "/v1/me/sign-out"): "acts on the caller alone",
    ("GET", "/v1/openapi.json"): "public",
    ("OPTIONS", "/v1/sites/{site}/token"): "a site's key is public: it stands in its pages",
    ("*", ""): "files that everybody may read",
}


@dataclass(frozen=True)
class Request:
    """What is sent, with `{collection}` for ids."""

    method: str
    path: str
    body: Any = None
    form: Mapping[str, str] | None = None
    media: str = ""


def cases() -> dict[tuple[str, str], list[Request]]:
    """Return every route -> the requests that try it."""
    found: dict[tuple[str, str], list[Request]] = {
        (one.method, BASE + one.path): _admin_cases(one) for one in ENDPOINTS
    }
    lists = ("queues", "agents", "sessions", "decisions", "tickets")
    live = {name: [Request("GET", f"/v1/{name}")] for name in lists}
    live["decisions"].append(Request("GET", "/v1/decisions?session={session}"))
    pages = [
        Request("GET", f"/v1/sessions/{{session}}/messages{query}")
        for query in ("", "?track=aside", "?after=1&limit=1")
    ]
    tokens = [
        Request("POST", f"/oauth/{path}", form={"token": "{token}"})
        for path in ("introspect", "revoke")
    ]
    return found | {
        **{("GET", f"/v1/{name}"): some for name, some in live.items()},
        ("GET", "/v1/sessions/{session}/messages"): pages,
        ("GET", "/v1/decisions/{decision}"): [Request("GET", "/v1/decisions/{decisions}")],
        ("POST", "/oauth/introspect"): tokens[:1],
        ("POST", "/oauth/revoke"): tokens[1:],
        ("POST", "/v1/token"): [
            Request("POST", "/v1/token", {"org": org, "login": "{accounts}", "password": "x" * 12})
            for org in ("{thief}", "{org}")
        ],
        ("POST", "/v1/sites/{site}/token"): [
            Request("POST", "/v1/sites/demo-site/token", {"token": "{visitor}"})
        ],
    }


def _admin_cases(one: Any) -> list[Request]:
    collection = one.path.split("/")[1]
    path = BASE + one.path.replace("{id}", f"{{{collection}}}")
    for name, whose in PARAMETERS.items():
        path = path.replace(f"{{{name}}}", f"{{{whose}}}")
    # What is below a row that is named is not reached: any number will do.
    head, below = path.split("}", 1) if "}" in path else (path, "")
    path = head + ("}" if "}" in path else "") + re.sub(r"\{(?!\w+s\})\w+\}", "1", below)
    if one.method == "GET":
        return [Request("GET", path), *_filtered(one, collection, path)]
    body = BODIES.get((one.method, one.path))
    if body is None and "}" in one.path and collection not in NAMING:
        body = least(one.body.model_json_schema()) if one.body is not None else None
    if body is not None or not one.has_body:
        return [Request(one.method, path, body, media=one.takes)]
    body = NAMING[collection]  # a KeyError: a new kind of row needs a case
    if one.method == "POST":
        own = OWN_ID.get(collection, "{" + collection + "}")
        return [Request("POST", path, {"id": own, **body}), Request("POST", path, body)]
    return [Request(one.method, path, body, media=one.takes)]


def least(schema: dict[str, Any], whole: dict[str, Any] | None = None) -> Any:
    """Return the smallest value that a JSON schema of ours takes."""
    whole = whole or schema
    if "$ref" in schema:
        return least(whole["$defs"][schema["$ref"].rsplit("/", 1)[1]], whole)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return least(schema[choice][0], whole)
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            return {name: least(fields[name], whole) for name in schema.get("required", ())}
        case "array":
            return [least(schema["items"], whole)] * schema.get("minItems", 0)
        case "string":
            return "x" * max(1, schema.get("minLength", 1))
        case "boolean":
            return False
        case _:
            return schema.get("minimum", 1)


def _filtered(one: Any, collection: str, path: str) -> list[Request]:
    names = set(one.query.model_fields) - {"limit", "cursor"}
    return [
        Request("GET", f"{path}?{name}={{{FILTERS.get(name, collection)}}}")
        for name in sorted(names)
        if FILTERS.get(name, collection) in ROWS
    ]


async def send(http: httpx.AsyncClient, one: Request, ids: IDS) -> tuple[Any, ...]:
    """Send a request; return status, headers and body with the ids taken out of them."""
    quoted = {name: quote(value, safe="") for name, value in ids.items()}
    headers = {"if-match": "*"} if one.method in ("PUT", "PATCH", "DELETE") else {}
    headers |= {"if-match": "*"} if one.media == CALENDAR else {}
    content: dict[str, Any] = {}
    body = filled(one.body, ids)
    if one.form is not None:
        content = {"data": filled(dict(one.form), ids), "auth": (f"thief-{MARK}", SECRET)}
    elif isinstance(body, (str, bytes)):
        content, headers["content-type"] = {"content": body}, one.media
    elif body is not None:
        content = {"content": json.dumps(body)}
        headers["content-type"] = one.media or "application/json"
    answer = await http.request(one.method, filled(one.path, quoted), headers=headers, **content)
    if answer.status_code == 201:  # a row of one's own, under an id that the other has too
        gone = await http.delete(answer.headers["location"], headers={"if-match": "*"})
        assert gone.status_code == 204, gone.text
    plain = {k: v for k, v in answer.headers.items() if k not in CHANGING}
    text = answer.text
    if answer.is_success:  # of one's own: versions grow, and ids are made
        plain = {k: v for k, v in plain.items() if k not in ("content-length", "location")}
        text = re.sub(r'"(version|id|edited)":("[^"]*"|\d+)', r'"\1":0', text)
    text = re.sub(r"\.[0-9a-f]{20}\.", ".id.", text)  # an id that was made, in a refusal
    told = [str(plain), text]
    for name, value in sorted(ids.items(), key=lambda pair: -len(pair[1])):
        told = [text.replace(value, name).replace(quote(value), name) for text in told]
    return answer.status_code, *told


def test_every_route_has_a_case() -> None:
    directory = Directory("sqlite+aiosqlite://")
    routes = set(routes_of(list(all_doors(directory).routes)))
    assert routes == set(cases()) | set(NO_IDS)
    assert not set(cases()) & set(NO_IDS)


async def test_every_route_answers_for_anothers_as_for_what_never_was(pair: Pair) -> None:
    victim, thief = pair.victim, pair.thief
    theirs = {**victim.ids, "org": victim.org, "token": victim.token()}
    nobodys = {**missing(victim.ids), "org": missing({"x": victim.org})["x"]}
    nobodys["token"] = theirs["token"][:-8] + "A" * 8
    visitor = victim.shop.visitor_token(f"customer-{MARK}")
    theirs, nobodys = (
        {**theirs, "visitor": visitor, "thief": thief.org},
        {**nobodys, "visitor": visitor[:-8] + "A" * 8, "thief": thief.org},
    )
    directory = victim.shop._directory
    before = await directory.read(victim.org)
    wrong: list[tuple[Any, ...]] = []
    async with thief.http() as http:
        for route, requests in cases().items():
            for one in requests:
                answers = [await send(http, one, ids) for ids in (theirs, nobodys)]
                named = _names_a_row(one)
                if answers[0] != answers[1] and not _may_differ(one, answers):
                    wrong.append((route, answers))
                if MARK in answers[0][2] and not named:
                    wrong.append((route, "shows an id", answers[0]))
                if named and "{" in route[1] and answers[0][0] < 400:
                    wrong.append((route, "is not refused", answers[0]))
    assert not wrong, "\n".join(map(str, wrong[:10]))
    assert await directory.read(victim.org) == before


def _names_a_row(one: Request) -> bool:
    return "{" in one.path.split("?")[0]


def _may_differ(one: Request, answers: list[tuple[Any, ...]]) -> bool:
    """The key of a site is public and one for all organisations: that it is taken may be known.
    A visitor's token of another organisation is as wrong as one with a wrong signature, and says
    which."""
    if one.path == f"{BASE}/sites" and one.method == "POST":
        return "site_key_taken" in answers[0][2]
    return "{visitor}" in str(one.body) and [told[0] for told in answers] == [401, 401]


async def test_its_own_people_find_what_the_others_do_not(pair: Pair) -> None:
    """Else the test above would compare two ids that never were."""
    async with pair.victim.http() as http:
        for (method, path), requests in cases().items():
            if (
                method == "GET"
                and "{" in path
                and "/1" not in requests[0].path.replace("/v1/", "/")
            ):
                status, _, told = await send(http, requests[0], pair.victim.ids)
                assert status == 200, (path, told)
