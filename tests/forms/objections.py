"""Objections for tests."""

from datetime import UTC, datetime
from typing import Final

from uploadfilter.forms.cases import EvidenceShown, Objection

NOON_S: Final = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
DAY_S: Final = 86_400.0
EVIDENCE: Final = EvidenceShown(
    set="demo",
    entry="e-1",
    category="1",
    signal_type="pdq",
    kind="within",
    distance=12,
    chance=1e-9,
    view="stored",
)


def decision_id(number: int = 1) -> str:
    """Return the id of a decision of the day of ``NOON_S``."""
    return f"20261128-{number:020x}"


def objection(
    number: int = 1,
    *,
    received_s: float = NOON_S,
    instance: str | None = "main",
    evidence: tuple[EvidenceShown, ...] = (EVIDENCE,),
) -> Objection:
    """Return an objection that waits for a decision."""
    return Objection(
        decision=decision_id(number),
        received_s=received_s,
        deadline_s=received_s + 14 * DAY_S,
        changed_s=received_s,
        text="This is a picture of my own cat.",
        instance=instance,
        route="default" if instance else None,
        evidence=evidence,
    )
