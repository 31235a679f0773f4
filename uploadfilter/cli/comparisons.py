"""Show the actions of each preset for the uploads in the decision log."""

from msgspec import Struct

from uploadfilter.cli.output import document_of, print_text, table
from uploadfilter.decisions.presets import Comparison
from uploadfilter.model import Action, Preset

IN_FORCE = "in force"
_MOST_REASONS = 3


class ActionsJSON(Struct):
    """How many uploads had which action."""

    accept: int
    reject: int
    retry_later: int


class PresetActionsJSON(ActionsJSON):
    """How many uploads would have had which action with a preset."""

    rejected_without_a_match: dict[str, int]


class PresetsJSON(Struct):
    """The actions of other policies."""

    uploads: int
    in_force: ActionsJSON
    presets: dict[str, PresetActionsJSON]


def comparison_document(compared: Comparison) -> PresetsJSON:
    """Return the comparison as a document."""
    presets = {
        preset.value: document_of(
            PresetActionsJSON,
            **_counts(compared.actions[preset]),
            rejected_without_a_match=dict(compared.unmatched[preset].most_common()),
        )
        for preset in Preset
    }
    in_force = document_of(ActionsJSON, **_counts(compared.in_force))
    return PresetsJSON(compared.uploads, in_force, presets)


def print_comparison(compared: Comparison) -> None:
    """Print the comparison as a table."""
    rows = [(IN_FORCE, *_cells(compared.in_force), "")]
    for preset in Preset:
        unmatched = compared.unmatched[preset]
        why = [f"{reason} {count}" for reason, count in unmatched.most_common()]
        more = ["..."] if len(why) > _MOST_REASONS else []
        cells = (*_cells(compared.actions[preset]), ", ".join(why[:3] + more))
        rows.append((preset.value, *cells))
    columns = ("policy", "accepted", "rejected", "later", "rejected without a match")
    print_text(table(*columns, rows=rows))


def _counts(actions: dict[Action, int]) -> dict[str, int]:
    return {action.value.lower(): actions.get(action, 0) for action in Action}


def _cells(actions: dict[Action, int]) -> tuple[str, ...]:
    order = (Action.ACCEPT, Action.REJECT, Action.RETRY_LATER)
    return tuple(str(actions.get(action, 0)) for action in order)
