"""What stands beside the tenants' calls: the description and the page."""

from __future__ import annotations

import re
from typing import Any

from streams.web.application import CALLS
from streams.web.landing import PAGE, POLICY
from tests.streams.web.conftest import Served


def references(found: Any) -> set[str]:
    """Every $ref in a document."""
    if isinstance(found, dict):
        own = {found["$ref"]} if isinstance(found.get("$ref"), str) else set()
        return own.union(*(references(value) for value in found.values()))
    return set().union(*map(references, found)) if isinstance(found, list) else set()


async def test_openapi_describes_every_call(served: Served) -> None:
    """Each call with its path's parameters, its statuses and a body whose schemas are all there."""
    found = await (await served[0].get("/openapi.json")).json()
    assert found["openapi"].startswith("3.1")
    described = {(method.upper(), path) for path, methods in found["paths"].items() for method in methods}
    assert described == {(call.method, call.path) for call in CALLS}
    for path, methods in found["paths"].items():
        for said in methods.values():
            names = [one["name"] for one in said["parameters"] if one["in"] == "path"]
            assert names == re.findall(r"{(\w+)}", path)
    needed = {reference.removeprefix("#/components/schemas/") for reference in references(found)}
    assert needed <= set(found["components"]["schemas"])


async def test_the_page_runs_only_its_own_script(served: Served) -> None:
    """The policy allows the script and style of the page by their hashes and nothing else."""
    answer = await served[0].get("/")
    assert answer.content_type == "text/html"
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert "innerHTML" not in PAGE


async def test_metrics_count_answers(served: Served) -> None:
    """A request is counted under its method, route and status."""
    await served[0].get("/v1/bali/groups/none")
    said = await (await served[0].get("/metrics")).text()
    assert 'rollcall_http_requests_total{method="GET",route="/v1/{tenant}/groups/{group}",status="404"} 1.0' in said
