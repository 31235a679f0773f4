"""What a step says, as a value that a table can hold."""

from typing import TypeAlias

from uploadfilter.uploads.assembly import steps
from uploadfilter.uploads.head.plan import Refusal

Facts: TypeAlias = tuple[object, ...]

REFUSED: Facts = ("refused",)


def facts(step: steps.Step | Refusal | None) -> Facts | None:
    """Return the kind of a step, and what it is about."""
    found: Facts | None = None
    match step:
        case steps.Create():
            found = ("create", step.total, step.is_part, dict(step.notes))
        case steps.Bring():
            found = ("bring", step.key, step.at, step.total)
        case steps.Join():
            parts = () if step.until_gap else step.parts(b"")
            listed = () if isinstance(parts, Refusal) else tuple(parts)
            found = ("join", listed, step.total)
        case steps.Look():
            found = ("look",)
        case steps.End():
            found = ("end", step.upload)
        case Refusal():
            found = REFUSED
    return found
