"""Write ``docs/json/COMMAND.json``: a schema of the JSON of each command.

::

    python -m deploy.documents.schemas
"""

import json
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import msgspec

from uploadfilter.cli.documents import DOCUMENTS

FOLDER = Path(__file__).parents[2] / "docs" / "json"


def page_of(words: str) -> Path:
    """Return the file with the schema of a command."""
    return FOLDER / f"{words.replace(' ', '-')}.json"


def schema_of(words: str) -> dict[str, Any]:
    """Return the schema of each document that a command prints."""
    kind = DOCUMENTS[words]
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    schemas, shared = _in_short(
        msgspec.json.schema_components(
            kinds, schema_hook=_anything, ref_template="#/$defs/{name}"
        )
    )
    one = schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"uploadfilter {words} --json",
        **one,
        "$defs": shared,
    }


def text_of(words: str) -> str:
    """Return the schema of a command as it is written."""
    return json.dumps(schema_of(words), indent=1) + "\n"


def _in_short(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a schema whose descriptions are the first paragraphs of docstrings.

    The others name attributes in Python, and are indented by Python before 3.13.
    """
    if isinstance(schema, list | tuple):
        return [_in_short(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    short = {name: _in_short(each) for name, each in schema.items()}
    if isinstance(text := schema.get("description"), str):
        short["description"] = " ".join(text.partition("\n\n")[0].split())
    return short


def _anything(_kind: type) -> dict[str, Any]:
    # msgspec takes an empty schema for none.
    return {"description": "Anything."}


def main() -> None:
    """Write all schemas, and remove those of commands that are gone."""
    wanted = {page_of(words): text_of(words) for words in DOCUMENTS}
    for path in FOLDER.glob("*.json"):
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
