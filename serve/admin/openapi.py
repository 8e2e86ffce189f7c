"""The OpenAPI document, from the same endpoints and forms that serve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from serve.admin.endpoints import BINARY, MERGE_PATCH, Endpoint
from serve.admin.problems import MEDIA, STATUS, TITLES, Problem
from serve.admin.row_routes import BASE

PLACE = "#/components/schemas/{model}"
VERSION = "1"
_BYTES = {"type": "string", "format": "binary"}
_ALWAYS = ("bad_request", "bad_token", "forbidden", "not_found")
_DESCRIPTION = (
    "Administers one organisation: the one of the caller's token. Lists go page by page (`limit`, "
    "`cursor`). A change of a row sends `If-Match` with the `ETag` that was read. A request with "
    "an `Idempotency-Key` may be repeated for a day. Refusals are RFC 9457 problem details; "
    "programs look at `code`. A change reaches every running conversation within a second."
)


def make_document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the document (OpenAPI 3.1)."""
    models = _models(endpoints)
    _, found = models_json_schema([(one, "validation") for one in models], ref_template=PLACE)
    schemas: dict[str, Any] = found["$defs"]
    for endpoint in endpoints:
        if endpoint.takes == MERGE_PATCH and endpoint.body is not None:
            name = endpoint.body.__name__
            schemas[_patch_name(name)] = _patch_schema(schemas[name])
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(BASE + endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Raydesk administration",
            "version": VERSION,
            "description": _DESCRIPTION,
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}],
    }


def _models(endpoints: Sequence[Endpoint]) -> list[type[BaseModel]]:
    used = [model for one in endpoints for model in (one.body, one.answer) if model is not None]
    return list(dict.fromkeys([*used, Problem]))


def _patch_name(name: str) -> str:
    return f"{name.removesuffix('Write')}Patch"


def _patch_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a merge patch: everything may be left out, null means the default."""
    properties = {
        name: {"anyOf": [{k: v for k, v in one.items() if k != "default"}, {"type": "null"}]}
        for name, one in schema["properties"].items()
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    words = [part.strip("{}") for part in endpoint.path.strip("/").split("/")]
    permission = endpoint.permission
    operation: dict[str, Any] = {
        "operationId": "_".join([endpoint.method.lower(), *words]).replace("-", "_"),
        "summary": endpoint.summary,
        "tags": [words[0]],
        "parameters": [*_path(endpoint), *_query(endpoint), *_headers(endpoint)],
        "responses": _responses(endpoint),
        "x-permission": {"resource": permission.resource, "action": permission.action},
    }
    if endpoint.has_body:
        content = {endpoint.takes: {"schema": _body_schema(endpoint)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _body_schema(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.body is None:
        return {"type": "string"} if endpoint.takes != BINARY else dict(_BYTES)
    name = endpoint.body.__name__
    return {
        "$ref": PLACE.format(model=_patch_name(name) if endpoint.takes == MERGE_PATCH else name)
    }


def _path(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": TypeAdapter(type_).json_schema(),
        }
        for name, type_ in endpoint.path_types.items()
    ]


def _query(endpoint: Endpoint) -> list[dict[str, Any]]:
    schema = endpoint.query.model_json_schema()
    found = []
    for name, one in schema.get("properties", {}).items():
        options = [part for part in one.get("anyOf", [one]) if part.get("type") != "null"]
        plain = {k: v for k, v in options[0].items() if k not in ("title", "description")}
        text = one.get("description", options[0].get("description", ""))
        parameter = {"name": name, "in": "query", "required": False, "schema": plain}
        found.append({**parameter, "description": text} if text else parameter)
    return found


def _headers(endpoint: Endpoint) -> list[dict[str, Any]]:
    found = []
    if endpoint.precondition:
        etag = {"type": "string", "pattern": r'^(\*|"[0-9]+")$'}
        found.append({"name": "If-Match", "in": "header", "required": True, "schema": etag})
    if endpoint.writes is not None:
        key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": key})
    return found


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    good: dict[str, Any] = {"description": endpoint.summary}
    if endpoint.answer is not None:
        schema = {"$ref": PLACE.format(model=endpoint.answer.__name__)}
        good["content"] = {endpoint.gives: {"schema": schema}}
    elif endpoint.gives == BINARY:
        good["content"] = {BINARY: {"schema": dict(_BYTES)}}
    if endpoint.etag:
        good["headers"] = {"ETag": {"schema": {"type": "string"}}}
    found = {str(endpoint.status): good}
    if endpoint.etag and endpoint.reads is not None:
        found["304"] = {"description": "It is what If-None-Match says."}
    for status in sorted(_statuses(endpoint)):
        problem = {"schema": {"$ref": PLACE.format(model="Problem")}}
        found[str(status)] = {"description": TITLES[status], "content": {MEDIA: problem}}
    return found


def _statuses(endpoint: Endpoint) -> set[int]:
    codes: set[str] = {*_ALWAYS, *endpoint.refuses}
    if endpoint.writes is not None:
        codes |= {"too_large", "idempotency_key_reused"}
    if endpoint.has_body:
        codes |= {"too_large", "unsupported_media_type", "invalid"}
    if endpoint.heavy:
        codes |= {"overloaded", "invalid"}
    if endpoint.precondition:
        codes |= {"precondition_required", "stale"}
    if endpoint.permission.resource == "accounts" and endpoint.has_body:
        codes |= {"overloaded"}
    if endpoint.guards_administrator:
        codes |= {"last_administrator"}
    return {STATUS[code] for code in codes}
