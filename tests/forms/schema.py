"""The schema of a statement of reasons."""

import json
from functools import cache

import jsonschema

from tests.repository import ROOT

SCHEMA = ROOT / "tests" / "vectors" / "dsa" / "statement.schema.json"


@cache
def validator() -> jsonschema.Draft202012Validator:
    """Return the schema, which was written from the source of the database."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)
