"""Describe the calls as OpenAPI 3.1, from the table that the server itself is built of."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from streams.web.bodies import MAX_DAYS, MAX_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.web.site import Call

_REF = "#/components/schemas/{name}"
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "path": {"type": "string", "description": "which field is wrong"},
        "reason": {"type": "string", "description": "the word that a dead letter would have"},
    },
}
_PAGED = [
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}},
    {"name": "cursor", "in": "query", "schema": {"type": "string"}},
]

_QUERY = {"days": {"type": "integer", "minimum": 1, "maximum": MAX_DAYS}, "sendable": {"type": "boolean"}}


def document(calls: Sequence[Call]) -> dict[str, Any]:
    """Give the whole document."""
    bodies = [call.body for call in calls if call.body is not None]
    shapes, components = msgspec.json.schema_components(bodies, ref_template=_REF)
    shape = dict(zip(map(id, bodies), shapes, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call, shape.get(id(call.body)))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rollcall", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(call: Call, body: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": call.answer.__name__,
        "summary": call.summary,
        "parameters": [_in_path(name) for name in re.findall(r"{(\w+)}", call.path)]
        + (_PAGED if call.paged else [])
        + [{"name": name, "in": "query", "schema": _QUERY[name]} for name in call.query],
        "responses": {str(status): {"description": HTTPStatus(status).phrase} for status in call.answers}
        | {"default": {"description": "a problem", "content": {"application/problem+json": {"schema": _problem()}}}},
    }
    if call.permission:
        said["description"] = f"Needs {call.permission}."
    if body is not None:
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return said


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _problem() -> dict[str, str]:
    return {"$ref": _REF.format(name="Problem")}
