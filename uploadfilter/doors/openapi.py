"""Describe the scan API as OpenAPI 3.1, from the classes that it answers with.

schemathesis attacks the API by this description (``tests/sites/test_openapi.py``), so
that what it allows is answered as it says, and nothing else is.
"""

from functools import cache
from importlib.metadata import version
from typing import Any, Final

import msgspec

from uploadfilter.doors.lookups import LookUpOutcome, LookUpQuestion
from uploadfilter.doors.outcomes import ScanOutcome
from uploadfilter.model import SignalType

_WITH_BODY: Final = ("post", "put", "patch")
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
    "429": "Who asks, or the client, has used up its share: try again later.",
    "451": "The upload is rejected, if the operator chose this status (/v1/check).",
    "501": "The method, or an upgrade, is not served.",
    "503": "The upload cannot be decided now: try again later.",
}
_LATER: Final = frozenset({"429", "503"})
_RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "Seconds until it is worth trying again.",
        "required": True,
        "schema": {"type": "integer"},
    }
}
_UPLOAD: Final[dict[str, Any]] = {
    "description": "One file as it is, or a form as a browser sends it.",
    "content": {
        "application/octet-stream": {"schema": {"type": "string", "minLength": 1}},
        "multipart/form-data": {"schema": {}},
    },
}


@cache
def description(*, needs_token: bool) -> bytes:
    """Return the description, as JSON.

    Args:
        needs_token: Whether each question needs a token: over TCP.
    """
    refs = "#/components/schemas/{name}"
    types = (ScanOutcome, LookUpQuestion, LookUpOutcome)
    _, schemas = msgspec.json.schema_components(types, ref_template=refs)
    components: dict[str, Any] = {
        "schemas": {**schemas, "AskedSignal": _asked_signal(), "Problem": _PROBLEM}
    }
    if needs_token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "uploadfilter", "version": version("uploadfilter")},
            "paths": _paths(),
            "components": components,
            "security": [{"token": []}] if needs_token else [],
        }
    )


def _asked_signal() -> dict[str, Any]:
    """Return the schema of a signal, whose value is as long as its type says."""
    return {
        "oneOf": [
            {
                "type": "object",
                "properties": {
                    "signal": {"const": it.value},
                    "value": {
                        "type": "string",
                        "pattern": f"^[0-9A-Fa-f]{{{2 * it.width_bytes}}}$",
                    },
                },
                "required": ["signal", "value"],
                "additionalProperties": False,
            }
            for it in SignalType
        ]
    }


def _paths() -> dict[str, Any]:
    optional, required = ({**_UPLOAD, "required": it} for it in (False, True))
    scan = _operation("Say what was found in an upload.", "ScanOutcome", body=optional)
    check = _operation("Answer by the status whether to accept.", body=required)
    question = {"required": True, "content": _of("LookUpQuestion")}
    look_up = _operation("Look signals up.", "LookUpOutcome", body=question)
    at = {"name": "path", "in": "path", "required": True, "schema": {"type": "string"}}
    health = _operation("Say whether uploads can be decided.", is_public=True)
    own = _operation("Return this description.", is_public=True)
    return {
        "/v1/scan": {"post": scan},
        "/v1/scan/{path}": {"parameters": [at], "post": scan},
        "/v1/check/{path}": {
            "parameters": [at],
            **dict.fromkeys(_WITH_BODY, check),
        },
        "/v1/lookup": {"post": look_up},
        "/v1/health": {"get": health, "head": health},
        "/v1/openapi.json": {"get": own, "head": own},
    }


def _operation(
    summary: str,
    answer: str | None = None,
    *,
    body: dict[str, Any] | None = None,
    is_public: bool = False,
) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "The answer; a decision is on record."}
    if answer is not None:
        good["content"] = _of(answer)
    problems = {"application/problem+json": {"schema": _ref("Problem")}}
    found: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": good,
            **{
                status: {
                    "description": words,
                    "content": problems,
                    **({"headers": _RETRY_AFTER} if status in _LATER else {}),
                }
                for status, words in _WORDS.items()
            },
        },
    }
    if is_public:
        found["security"] = []
    return {**found, "requestBody": body} if body else found


def _of(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(name)}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
