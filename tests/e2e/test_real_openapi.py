"""The OpenAPI document against the whole real system, through its HTTP door: no 5xx, and no answer
that the document does not name. More examples a route: `tests/contract/test_admin_openapi.py`."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks

from serve.admin.application import ENDPOINTS
from serve.admin.row_routes import BASE
from tests.support.real import Real
from tests.support.tenants import new_tenant

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
EXAMPLES_N = 2


async def test_the_real_server_answers_as_its_document_says(real: Real) -> None:
    tenant = await new_tenant(real, "fuzzed")
    api = schemathesis.openapi.from_url(f"{real.http_url}/v1/openapi.json")
    token = {"authorization": f"Bearer {tenant.token()}"}
    quick = settings(
        max_examples=EXAMPLES_N,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    # Removals last: what the others ask for should be there.
    for endpoint in sorted(ENDPOINTS, key=lambda one: one.method == "DELETE"):
        operation = api[BASE + endpoint.path][endpoint.method]

        @quick
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=token, checks=CHECKS)

        ask()
    await tenant.shop.close()
