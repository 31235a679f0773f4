"""The type of the JSON of each command.

``make schemas`` writes their schemas to ``docs/json``, and the tests of the command
line hold everything that a command prints to them. Keys may be added, never renamed. No
command loads this module.
"""

from collections.abc import Mapping
from typing import Any, Final

from uploadfilter.cli.api import TokenJSON
from uploadfilter.cli.backup import BackupJSON
from uploadfilter.cli.comparisons import PresetsJSON
from uploadfilter.cli.config import ConfigCheckJSON, SettingsJSON
from uploadfilter.cli.doctor import CheckupJSON
from uploadfilter.cli.hashset.differences import DifferenceJSON
from uploadfilter.cli.hashset.enforcement import EnforcedJSON
from uploadfilter.cli.hashset.findings import GateFindingJSON
from uploadfilter.cli.hashset.generations import (
    CheckedReferenceJSON,
    GenerationListJSON,
    ReleasedJSON,
    ReturnedJSON,
)
from uploadfilter.cli.hashset.hashset import RemovedSetJSON
from uploadfilter.cli.hashset.known import BuiltCorpusJSON, NewCorpusJSON
from uploadfilter.cli.hashset.listing import CorpusListJSON, SetListJSON, ShownSetJSON
from uploadfilter.cli.hashset.off import OffListJSON, SwitchedOffJSON, SwitchedOnJSON
from uploadfilter.cli.hashset.sets import CorpusJSON
from uploadfilter.cli.hashset.signed import SyncedJSON, TrustedJSON
from uploadfilter.cli.hashset.stats import StatsJSON
from uploadfilter.cli.hashset.surveys import ImportJSON, PreviewJSON
from uploadfilter.cli.issuer.building import BuiltJSON
from uploadfilter.cli.issuer.feedback import DoubtedJSON, FeedbackJSON, FeedbackSumJSON
from uploadfilter.cli.issuer.holders import KeyJSON
from uploadfilter.cli.issuer.issuer import (
    ExportedJSON,
    PublishedJSON,
    SignedJSON,
    StatusJSON,
    WithdrawnJSON,
)
from uploadfilter.cli.issuer.proposing import ProposedJSON
from uploadfilter.cli.log.proving import ProofJSON
from uploadfilter.cli.log.totals import TotalsJSON
from uploadfilter.cli.lookback import LookBackJSON
from uploadfilter.cli.lookup import LookedUpJSON
from uploadfilter.cli.objections import ObjectionJSON
from uploadfilter.cli.shapes import ScannedFileJSON
from uploadfilter.cli.verify.verify import ChecksJSON
from uploadfilter.decisions.records.records import Record
from uploadfilter.reporting.document import Document

DOCUMENTS: Final[Mapping[str, Any]] = {
    "config": SettingsJSON | ConfigCheckJSON,
    "doctor": CheckupJSON,
    "backup": BackupJSON,
    "restore": BackupJSON,
    "scan": ScannedFileJSON,
    "lookup": LookedUpJSON,
    "verify": ChecksJSON | CheckedReferenceJSON,
    "report": Document,
    "lookback scan": LookBackJSON,
    "hashset import": ImportJSON | PreviewJSON | NewCorpusJSON,
    "hashset enforce": EnforcedJSON,
    "hashset list": SetListJSON
    | ShownSetJSON
    | OffListJSON
    | GateFindingJSON
    | GenerationListJSON
    | StatsJSON
    | CorpusListJSON,
    "hashset remove": RemovedSetJSON | CorpusJSON,
    "hashset convert": PreviewJSON,
    "hashset diff": DifferenceJSON,
    "hashset off": SwitchedOffJSON,
    "hashset on": SwitchedOnJSON,
    "hashset rollback": ReturnedJSON | ReleasedJSON,
    "hashset trust": TrustedJSON | SyncedJSON,
    "hashset sync": SyncedJSON,
    "hashset feedback": FeedbackJSON,
    "hashset known-good": BuiltCorpusJSON,
    "log totals": TotalsJSON | PresetsJSON,
    "log prove": ProofJSON,
    "log show": Record,
    "api token": list[TokenJSON],
    "objection review": ObjectionJSON,
    "issuer propose": ProposedJSON,
    "issuer sign": SignedJSON,
    "issuer publish": PublishedJSON,
    "issuer withdraw": WithdrawnJSON,
    "issuer export": ExportedJSON,
    "issuer status": StatusJSON,
    "issuer key": KeyJSON,
    "issuer build": BuiltJSON,
    "issuer feedback": DoubtedJSON | FeedbackSumJSON,
}
"""By the words of the command. Of several types, each document or line has one."""
