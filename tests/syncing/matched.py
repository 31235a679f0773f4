"""Records of matches, from which feedback is made."""

import msgspec

from tests.decisions.logs import REJECTED, decision
from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.model import SignalType


def matched(
    name: str, *entries: str, of: str = "demo", kind: SignalType = SignalType.SHA256
) -> DecisionRecord:
    """Return a decision that rests on these entries."""
    record = decision(name, REJECTED)
    (match,) = record.matches
    found = tuple(
        msgspec.structs.replace(match, entry=it, set=of, signal_type=kind)
        for it in entries
    )
    return msgspec.structs.replace(record, matches=found)
