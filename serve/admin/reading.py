"""Reads a request of the administration API: query, body, headers; wrong ones become problems."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request

from infra.directory.declared import explain
from serve.admin.endpoints import BINARY, JSON, MERGE_PATCH, Endpoint
from serve.admin.problems import Mistake, ProblemError

JSON_LIMIT = 256 * 1024
TEXT_LIMIT = 16 * 1024 * 1024
"""Bytes of a body: of a row, of a whole organisation."""
KEY_N = 255
_KEY = re.compile(rf"[!-~]{{1,{KEY_N}}}")
_ETAGS = re.compile(r'\s*(?:\*|(?:W/)?"[^"]*"(?:\s*,\s*(?:W/)?"[^"]*")*)\s*')


def read_query(request: Request, endpoint: Endpoint) -> BaseModel:
    """Return the query, checked.

    Raises:
        ProblemError: `bad_request`: unknown or repeated names, wrong values.
    """
    given = request.query_params.multi_items()
    if len(dict(given)) < len(given):
        raise ProblemError("bad_request", "Give each parameter of the query once.")
    try:
        return endpoint.query.model_validate_strings(dict(given))
    except ValidationError as error:
        told = "; ".join(f"{at}: {why}" for at, why in explain(error))
        raise ProblemError("bad_request", f"The query is wrong: {told}") from None


def read_path(request: Request, endpoint: Endpoint) -> dict[str, str]:
    """Return the ids in the path.

    Raises:
        ProblemError: `not_found`: nothing can have such an id.
    """
    path: dict[str, str] = dict(request.path_params)
    for name, type_ in endpoint.path_types.items():
        try:
            TypeAdapter(type_).validate_python(path[name])
        except ValidationError:
            raise ProblemError("not_found", "There is nothing with this id.") from None
    return path


async def read_body(request: Request, endpoint: Endpoint) -> bytes:
    """Return the body's bytes.

    Raises:
        ProblemError: `too_large` or `unsupported_media_type`.
    """
    body, limit = bytearray(), JSON_LIMIT if endpoint.takes in (JSON, MERGE_PATCH) else TEXT_LIMIT
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise ProblemError("too_large", f"The body is over {limit} bytes.")
    if endpoint.has_body:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        allowed = {endpoint.takes, JSON} if endpoint.takes == MERGE_PATCH else {endpoint.takes}
        if media not in allowed:
            told = f"Send the body as {endpoint.takes}."
            raise ProblemError("unsupported_media_type", told)
    return bytes(body)


def parse_body(data: bytes, endpoint: Endpoint) -> Any:
    """Return what the body says: a form, a patch, bytes, a text; None for a route without one.

    Raises:
        ProblemError: `bad_request` or `invalid`.
    """
    if not endpoint.has_body:
        return None
    if endpoint.takes == MERGE_PATCH:
        return _parse_patch(data)
    if endpoint.takes == JSON and endpoint.body is not None:
        return parse_form(data, endpoint.body)
    if endpoint.takes == BINARY:
        return data
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ProblemError("bad_request", "The body is no UTF-8.") from None


def parse_form(data: bytes | str, form: type[BaseModel]) -> BaseModel:
    """Return the form.

    Raises:
        ProblemError: `bad_request`, it is no JSON; `invalid`, each place and what is allowed there.
    """
    try:
        return form.model_validate_json(data, strict=True)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise ProblemError("bad_request", "The body is no JSON.") from None
        mistakes = [Mistake(at=at, detail=why) for at, why in explain(error)]
        raise ProblemError("invalid", "The body is wrong.", errors=mistakes) from None


def _parse_patch(data: bytes) -> dict[str, Any]:
    try:
        patch = json.loads(data)
        json.dumps(patch).encode()
    except (ValueError, RecursionError):
        raise ProblemError("bad_request", "The body is no JSON.") from None
    if not isinstance(patch, dict):
        raise ProblemError("invalid", "A merge patch is an object.")
    return patch


def merged(target: Any, patch: Any) -> Any:
    """Return the target with a merge patch applied (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    whole = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = merged(whole.get(name), value)
    return whole


def read_precondition(request: Request) -> str:
    """Return the If-Match header.

    Raises:
        ProblemError: `precondition_required` or `bad_request`.
    """
    found = request.headers.get("if-match")
    if found is None:
        raise ProblemError("precondition_required", "Send If-Match with the ETag that you read.")
    if not _ETAGS.fullmatch(found):
        raise ProblemError("bad_request", 'If-Match is an ETag like "17", or *.')
    return found.strip()


def check_version(if_match: str, version: int) -> None:
    """Refuse a change of what changed since it was read.

    Raises:
        ProblemError: `stale`.
    """
    if if_match not in ("*", "") and f'"{version}"' not in re.findall(r'(?:W/)?"[^"]*"', if_match):
        told = "It was changed since you read it: read it again."
        raise ProblemError("stale", told, headers={"etag": f'"{version}"'})


def read_idempotency_key(request: Request) -> str:
    """Return the Idempotency-Key header, '' without one.

    Raises:
        ProblemError: `bad_request`.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        told = f"Idempotency-Key: 1 to {KEY_N} visible ASCII characters."
        raise ProblemError("bad_request", told)
    return key or ""


def fingerprint(request: Request, body: bytes) -> str:
    """Return what tells one request from another under the same idempotency key."""
    parts = [request.method, request.url.path, request.url.query, request.headers.get("if-match")]
    text = json.dumps(parts).encode() + b"\n" + body
    return hashlib.sha256(text).hexdigest()


def cursor_of(key: str) -> str:
    """Return the cursor of a page that ends with this id."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, type_: Any) -> Any:
    """Return the id that a cursor stands for; None for none.

    Raises:
        ProblemError: `bad_request`.
    """
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        return TypeAdapter(type_).validate_strings(text)
    except (ValueError, binascii.Error):
        raise ProblemError("bad_request", "cursor: not one of ours; start from the top.") from None
