"""The types of the JSON of each command."""

from collections.abc import Mapping
from typing import Any, Final

from uploadfilter.cli.documents import hashsets, issuers, logs, machine
from uploadfilter.decisions.records.records import Record
from uploadfilter.reporting.document import Document

DOCUMENTS: Final[Mapping[str, Any]] = {
    "config": machine.SettingsJSON | machine.ConfigCheckJSON,
    "doctor": machine.CheckupJSON,
    "backup": machine.BackupJSON,
    "restore": machine.BackupJSON,
    "scan": machine.ScannedFileJSON,
    "lookup": machine.LookedUpJSON,
    "verify": logs.ChecksJSON | logs.CheckedReferenceJSON,
    "report": Document,
    "lookback scan": machine.LookBackJSON,
    "hashset import": hashsets.ImportJSON
    | hashsets.PreviewJSON
    | hashsets.NewCorpusJSON,
    "hashset enforce": hashsets.EnforcedJSON,
    "hashset list": hashsets.SetListJSON
    | hashsets.ShownSetJSON
    | hashsets.OffListJSON
    | hashsets.GateFindingJSON
    | hashsets.GenerationListJSON
    | hashsets.StatsJSON
    | hashsets.CorpusListJSON,
    "hashset remove": hashsets.RemovedSetJSON | hashsets.CorpusJSON,
    "hashset convert": hashsets.PreviewJSON,
    "hashset diff": hashsets.DifferenceJSON,
    "hashset off": hashsets.SwitchedOffJSON,
    "hashset on": hashsets.SwitchedOnJSON,
    "hashset rollback": hashsets.ReturnedJSON | hashsets.ReleasedJSON,
    "hashset trust": hashsets.TrustedJSON | hashsets.SyncedJSON,
    "hashset sync": hashsets.SyncedJSON,
    "hashset feedback": hashsets.FeedbackJSON,
    "hashset known-good": hashsets.BuiltCorpusJSON,
    "log totals": logs.TotalsJSON | logs.PresetsJSON,
    "log prove": logs.ProofJSON,
    "log show": Record,
    "api token": list[machine.TokenJSON],
    "objection review": logs.ObjectionJSON,
    "issuer propose": issuers.ProposedJSON,
    "issuer sign": issuers.SignedJSON,
    "issuer publish": issuers.PublishedJSON,
    "issuer withdraw": issuers.WithdrawnJSON,
    "issuer export": issuers.ExportedJSON,
    "issuer status": issuers.StatusJSON,
    "issuer key": issuers.KeyJSON,
    "issuer build": issuers.BuiltJSON,
    "issuer feedback": issuers.DoubtedJSON | issuers.FeedbackSumJSON,
}
"""By the words of the command. Of several types, each document or line has one."""
