"""Reads form posts and queries, bounded, with every repeated parameter seen."""

from __future__ import annotations

from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from starlette.requests import Request

from serve.api_errors import ApiError
from serve.oauth.records import Ask

FORM_LIMIT = 32 * 1024
FIELDS_N = 50


async def read_form(request: Request) -> list[tuple[str, str]]:
    """Return the fields of a form post.

    Raises:
        ApiError: `bad_request` or `too_large`.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise ApiError("bad_request", "Send a form: application/x-www-form-urlencoded.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT:
            raise ApiError("too_large", f"The form is over {FORM_LIMIT} bytes.")
    try:
        text = body.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_N, errors="strict")
    except ValueError:
        raise ApiError("bad_request", "The form cannot be read.") from None


async def read_ask(request: Request) -> Ask:
    """Return an OAuth request.

    Raises:
        ApiError: `bad_request` or `too_large`.
        authlib.oauth2.OAuth2Error: a parameter comes twice in a post.
    """
    if request.method == "GET":
        values = list(request.query_params.multi_items())
    else:
        values = await read_form(request)
        if len({name for name, _ in values}) != len(values):
            raise InvalidRequestError("A parameter may come only once.")
    return Ask(request.method, request.url.path, values, request.headers)
