"""Refusals of the administration API: RFC 9457 problem details with stable codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from infra.directory.refusals import RefusalCode

ProblemCode = (
    RefusalCode
    | Literal[
        "bad_request",
        "bad_token",
        "forbidden",
        "method_not_allowed",
        "too_large",
        "unsupported_media_type",
        "invalid",
        "precondition_required",
        "overloaded",
        "internal",
    ]
)

STATUS: Mapping[str, int] = {
    "bad_request": 400,
    "bad_token": 401,
    "forbidden": 403,
    "not_held": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "exists": 409,
    "name_taken": 409,
    "site_key_taken": 409,
    "in_use": 409,
    "cycle": 409,
    "last_administrator": 409,
    "stale": 412,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid": 422,
    "unknown_reference": 422,
    "unusable_policy": 422,
    "idempotency_key_reused": 422,
    "precondition_required": 428,
    "overloaded": 429,
    "internal": 500,
}
TITLES: Mapping[int, str] = {
    400: "The request cannot be read",
    401: "Who are you?",
    403: "You may not do this",
    404: "There is no such thing",
    405: "This path does not take that method",
    409: "This would not fit what there is",
    412: "It was changed since you read it",
    413: "The body is too large",
    415: "This path takes another type of body",
    422: "The content is wrong",
    428: "Say which version you read",
    429: "Too much at once",
    500: "This failed on our side",
}
MEDIA = "application/problem+json"
CODES: tuple[str, ...] = tuple(code for part in get_args(ProblemCode) for code in get_args(part))


class Mistake(BaseModel):
    """What is wrong at one place of the body; '' is the whole."""

    at: str
    detail: str


class Problem(BaseModel):
    """The body of every refusal. Programs look at `code`."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str
    code: ProblemCode
    errors: list[Mistake] = []


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        code: ProblemCode,
        detail: str,
        *,
        errors: list[Mistake] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code: ProblemCode = code
        self.detail = detail
        self.errors = errors or []
        self.headers = dict(headers or {})


def answer_problem(error: ProblemError) -> Response:
    """Return the problem as a response."""
    status = STATUS[error.code]
    body = Problem(
        type=f"urn:raydesk:problem:{error.code}",
        title=TITLES[status],
        status=status,
        detail=error.detail,
        code=error.code,
        errors=error.errors,
    )
    headers = {"cache-control": "no-store", **error.headers}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    text = body.model_dump_json(exclude_defaults=True)
    return Response(text, status, headers=headers, media_type=MEDIA)
