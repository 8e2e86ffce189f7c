"""The administration API as an application, mounted under /v1 by the doors."""

from __future__ import annotations

import re
from functools import cache

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from serve.access import Declared, Open
from serve.admin.account_routes import account_endpoints
from serve.admin.audit_routes import audit_endpoints
from serve.admin.category_routes import CATEGORY, category_endpoints
from serve.admin.endpoints import Endpoint
from serve.admin.knowledge_file_routes import knowledge_file_endpoints
from serve.admin.knowledge_routes import knowledge_endpoints
from serve.admin.learning_routes import learning_endpoints
from serve.admin.openapi import make_document
from serve.admin.organisation_routes import organisation_endpoints
from serve.admin.organisations_routes import organisations_endpoints
from serve.admin.row_routes import BASE, row_endpoints
from serve.admin.serving import AdminParts, Server, answer_http_error

ENDPOINTS: tuple[Endpoint, ...] = (
    *organisation_endpoints(),
    *account_endpoints(),
    *organisations_endpoints(),
    *audit_endpoints(),
    *row_endpoints(),
    *knowledge_endpoints(),
    *category_endpoints(),
    *knowledge_file_endpoints(),
    *learning_endpoints(),
)


@cache
def document() -> bytes:
    """Return the OpenAPI document: made when it is first asked for, a quarter of a second."""
    return msgspec.json.encode(make_document(ENDPOINTS))


def admin_routes(parts: AdminParts) -> list[BaseRoute]:
    """Return the routes: `/v1/admin/...` and `/v1/openapi.json`."""

    async def openapi(_: Request) -> Response:
        return Response(document(), media_type="application/json")

    mount = Mount(BASE, make_application(parts))
    # An id with a line break in it must come here too, to be answered as the others are.
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    public = Open("describes the API, and holds nothing of anybody")
    return [Declared("/v1/openapi.json", openapi, {"GET": public}), mount]


def make_application(parts: AdminParts) -> Starlette:
    """Return the application; every answer of it that is no success is a problem (RFC 9457)."""
    server = Server(parts)
    by_path: dict[str, list[Endpoint]] = {}
    for endpoint in ENDPOINTS:
        by_path.setdefault(endpoint.path, []).append(endpoint)
    return Starlette(
        routes=[
            Declared(
                path,
                server.route(some),
                {one.method: one.permission for one in some},
                slashed="category" if path == CATEGORY else "",
            )
            for path, some in by_path.items()
        ],
        exception_handlers={HTTPException: answer_http_error},
    )
