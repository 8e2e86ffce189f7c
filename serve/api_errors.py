"""Errors of the HTTP API: a status, a stable code and a sentence that says what to do next."""

from __future__ import annotations

from typing import Literal

import msgspec
import structlog
from authlib.oauth2 import OAuth2Error
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

log = structlog.get_logger()

ApiCode = Literal[
    "bad_request",
    "bad_token",
    "forbidden",
    "internal",
    "method_not_allowed",
    "not_found",
    "overloaded",
    "too_large",
    "unknown_decision",
    "unknown_session",
    "wrong_password",
]

STATUS: dict[ApiCode, int] = {
    "bad_request": 400,
    "bad_token": 401,
    "wrong_password": 401,
    "forbidden": 403,
    "not_found": 404,
    "unknown_decision": 404,
    "unknown_session": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "overloaded": 429,
    "internal": 500,
}
_BY_STATUS: dict[int, ApiCode] = {
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
}


class ApiError(Exception):
    """Ends a request. `retry_s` becomes a `Retry-After` header too."""

    def __init__(self, code: ApiCode, detail: str, retry_s: float = 0.0) -> None:
        super().__init__(detail)
        self.code: ApiCode = code
        self.detail = detail
        self.retry_s = retry_s


class _Body(msgspec.Struct, frozen=True, omit_defaults=True):
    code: ApiCode
    detail: str
    retry_s: float = 0.0


def json_response(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a JSON answer that no cache keeps."""
    return Response(
        msgspec.json.encode(value),
        status,
        headers={"cache-control": "no-store", **(headers or {})},
        media_type="application/json",
    )


async def answer_api_error(_: Request, error: Exception) -> Response:
    """Exception handler of `ApiError`."""
    assert isinstance(error, ApiError)
    headers = {"retry-after": str(max(1, round(error.retry_s)))} if error.retry_s else {}
    if STATUS[error.code] == 401:
        headers["www-authenticate"] = "Bearer"
    body = _Body(error.code, error.detail, error.retry_s)
    return json_response(body, STATUS[error.code], headers)


async def answer_oauth_error(_: Request, error: Exception) -> Response:
    """Exception handler of Authlib's errors (RFC 6749, 5.2)."""
    assert isinstance(error, OAuth2Error)
    status, body, _headers = error()
    return json_response(body, status)


async def answer_http_error(_: Request, error: Exception) -> Response:
    """Exception handler of the framework's own errors."""
    assert isinstance(error, HTTPException)
    code = _BY_STATUS.get(error.status_code, "bad_request")
    return json_response(_Body(code, str(error.detail)), error.status_code)


async def answer_defect(request: Request, error: Exception) -> Response:
    """Exception handler of everything else: the log gets the cause, the client none of it."""
    log.error("api.failed", path=request.url.path, error=repr(error))
    return json_response(_Body("internal", "This failed on our side: try again."), 500)
