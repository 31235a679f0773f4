"""Counters for the operator's page, as plain numbers."""

from collections import Counter
from dataclasses import dataclass, field

from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.model import Action, Verdict


@dataclass(slots=True, kw_only=True)
class Totals:
    """The events of the proxy since it started.

    Attributes:
        requests: All requests, uploads included.
        verdicts: Decisions by verdict.
        effects: Decisions by effect.
        would: Decisions by the action if every hash set were enforced.
        sheds: Uploads turned away undecided.
        summarised: Uploads that are on record in a summary; the other counts include
            them.
        copies: Uploads in which an altered copy was found after the answer.
        unsearched: Uploads that were not searched for altered copies afterwards.
        scans: Uploads that were scanned.
        scan_cpu_s: CPU seconds that scanners used for them.
    """

    requests: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    effects: Counter[Action] = field(default_factory=Counter)
    would: Counter[Action] = field(default_factory=Counter)
    sheds: int = 0
    summarised: int = 0
    copies: int = 0
    unsearched: int = 0
    scans: int = 0
    scan_cpu_s: float = 0.0

    def decided(self, record: DecisionRecord) -> None:
        """Count a decision that is on record."""
        would, _ = record.if_enforced
        self.verdicts[record.verdict] += 1
        self.effects[record.effect] += 1
        self.would[would] += 1
