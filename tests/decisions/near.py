"""A match by PDQ that is no exact one."""

from tests.decisions.logs import LISTED
from uploadfilter.model import EntryState, SignalType

NEAR = LISTED.__class__(
    content="0",
    set="unit7",
    entry="p-1",
    category="1",
    state=EntryState.ACTIVE,
    signal_type=SignalType.PDQ,
    distance=12,
)
