"""The OpenAPI document against the application that serves it: no 5xx, no undocumented answer."""

import asyncio
import socket
import threading

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks

from infra.directory.store import Directory
from serve.admin.application import ENDPOINTS
from serve.admin.openapi import make_document
from serve.admin.row_routes import BASE
from tests.support.admin import admin_app, staff_token

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
WITHIN_S = 20.0
EXAMPLES_N = 5
"""Per route: enough to try each answer that can be reached; a nightly run may take more."""


@pytest.fixture(scope="module")
async def served(templates, request, tmp_path_factory):
    """The doors on a free port, in a thread of their own, with the demo organisation."""
    folder = tmp_path_factory.mktemp("openapi")
    directory = Directory(await templates.copy("sqlite", "demo", request, folder))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(admin_app(directory), log_level="critical", ws="none")
        server = uvicorn.Server(config)
        started = threading.Event()
        thread = threading.Thread(target=_serve, args=(server, listening, started, directory))
        thread.start()
        assert started.wait(WITHIN_S)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(WITHIN_S)


def _serve(server, listening, started, directory):
    async def serve():
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started:  # noqa: ASYNC110  # the server offers no event for it
            await asyncio.sleep(0.01)
        started.set()
        await serving
        await directory.close()  # in the loop that its connections belong to

    asyncio.run(serve())


@pytest.fixture(scope="module")
def api(served):
    """The document, as the doors serve it."""
    # 412 and 413 are not among the answers to wrong data that schemathesis knows.
    expected = [400, 401, 403, 404, 409, 412, 413, 415, 422, 428]
    rejection = {"negative_data_rejection": {"expected-statuses": expected}}
    config = schemathesis.Config.from_dict({"checks": rejection})
    return schemathesis.openapi.from_url(f"{served}/v1/openapi.json", config=config)


def test_the_document_is_served_to_everybody(served):
    answer = httpx.get(f"{served}/v1/openapi.json")
    assert answer.json() == make_document(ENDPOINTS)
    assert answer.json()["openapi"] == "3.1.0"


def test_every_route_says_what_it_asks_of_its_caller():
    paths = make_document(ENDPOINTS)["paths"]
    found = {
        (method.upper(), path, *operation["x-permission"].values())
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    assert found == {
        (one.method, BASE + one.path, one.permission.resource, one.permission.action)
        for one in ENDPOINTS
    }
    ids = [operation["operationId"] for one in paths.values() for operation in one.values()]
    assert len(ids) == len(set(ids)) == len(ENDPOINTS)


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: f"{one.method} {one.path}")
def test_no_request_is_answered_with_a_defect_or_with_what_is_not_documented(api, endpoint):
    token = {"authorization": f"Bearer {staff_token()}"}
    operation = api[BASE + endpoint.path][endpoint.method]

    @settings(
        max_examples=EXAMPLES_N,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case):
        case.call_and_validate(headers=token, checks=CHECKS)

    @settings(
        max_examples=EXAMPLES_N,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def ask_wrongly(case):
        case.call_and_validate(headers=token, checks=CHECKS)

    ask()
    try:
        ask_wrongly()
    except Unsatisfiable:
        assert not endpoint.has_body
