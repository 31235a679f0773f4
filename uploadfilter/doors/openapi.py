"""Describe the scan API as OpenAPI 3.1, from the classes that it answers with."""

from functools import cache
from importlib.metadata import version
from typing import Any, Final

import msgspec

from uploadfilter.doors.lookups import LookUpOutcome, LookUpQuestion
from uploadfilter.doors.outcomes import ScanOutcome

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_PROBLEM: Final = {
    "type": "object",
    "properties": {
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "decision": {"type": "string"},
    },
    "required": ["status"],
}
_WORDS: Final = {
    "400": "The request can be read in two ways, or is malformed.",
    "401": "A token is missing, or was revoked.",
    "403": "The token is for another scope; or the upload is rejected (/v1/check).",
    "404": "There is nothing at this path.",
    "405": "Another method is meant.",
    "406": "The upload is rejected, if the operator chose this status (/v1/check).",
    "408": "The body came too slowly.",
    "413": "The body is too large, or the front end sent only its beginning.",
    "415": "The body's coding is not read, or the route does not take such files.",
    "429": "The client has used up its share: try again later.",
    "451": "The upload is rejected, if the operator chose this status (/v1/check).",
    "501": "The method, or an upgrade, is not served.",
    "503": "The upload cannot be decided now: try again later.",
}


@cache
def description() -> bytes:
    """Return the description, as JSON."""
    refs = "#/components/schemas/{name}"
    types = (ScanOutcome, LookUpQuestion, LookUpOutcome)
    _, schemas = msgspec.json.schema_components(types, ref_template=refs)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "uploadfilter", "version": version("uploadfilter")},
            "paths": _paths(),
            "components": {
                "schemas": {**schemas, "Problem": _PROBLEM},
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
            "security": [{}, {"token": []}],
        }
    )


def _paths() -> dict[str, Any]:
    upload = {
        "required": False,
        "content": {
            "application/octet-stream": {},
            "multipart/form-data": {"schema": {"type": "object"}},
        },
    }
    scan = _operation("Say what was found in an upload.", "ScanOutcome", body=upload)
    check = _operation("Answer by the status whether to accept.", None, body=upload)
    question = {"required": True, "content": _of("LookUpQuestion")}
    look_up = _operation("Look signals up.", "LookUpOutcome", body=question)
    at = {"name": "path", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "/v1/scan": {"post": scan},
        "/v1/scan/{path}": {"parameters": [at], "post": scan},
        "/v1/check/{path}": {"parameters": [at], **dict.fromkeys(_METHODS, check)},
        "/v1/lookup": {"post": look_up},
        "/v1/health": {"get": _operation("Say whether uploads can be decided.", None)},
        "/v1/openapi.json": {"get": _operation("Return this description.", None)},
    }


def _operation(
    summary: str, answer: str | None, *, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "The answer; a decision is on record."}
    if answer is not None:
        good["content"] = _of(answer)
    problems = {"application/problem+json": {"schema": _ref("Problem")}}
    responses = {
        "200": good,
        **{
            status: {"description": words, "content": problems}
            for status, words in _WORDS.items()
        },
    }
    found: dict[str, Any] = {"summary": summary, "responses": responses}
    return {**found, "requestBody": body} if body else found


def _of(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(name)}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
