"""The operator's gate, with its known-good corpora, and a note of its findings.

Rules this module keeps: a corpus that cannot be used is an error before any entry is
taken; the note is for people and for the issuer, and no decision depends on it.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from uploadfilter.errors import HashSetKnownGoodError
from uploadfilter.gate.judging import CorpusGate, GateSettings, KnownCorpus
from uploadfilter.knowngood.corpus import KEYED, Corpus
from uploadfilter.knowngood.store import KnownGood, identity, shipped
from uploadfilter.reference.entries.off import Off
from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES, Secret
from uploadfilter.state import write_private

NOTE_FILE: Final = "gate.json"
"""The findings of the last comparison, in the folder of the signed set."""

_MOST_NOTE_BYTES: Final = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """The conditions under which a signed set passes the gate.

    Attributes:
        settings: The changes that are allowed without a person.
        is_accepted: Whether a person has seen this change, and accepts it.
        default: The corpus that comes with the program; ``None`` for none.
    """

    settings: GateSettings = field(default_factory=GateSettings)
    is_accepted: bool = False
    default: Callable[[], Path | None] = shipped


ORDINARY: Final = Passage()


class Near(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that lies near known-good pictures, and is in force.

    Attributes:
        near: Lower bound of the number of their values within 60 bits.
    """

    entry: str
    near: int


class GateNote(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of the last comparison, apart from quarantined entries.

    Attributes:
        sequence: Sequence of the set that was compared.
        at: When, in seconds since the epoch.
        refused: Entries because of which the whole change was refused.
        generic: Entries that are near known-good pictures, the nearest first.
        generic_count: Number of such entries.
    """

    sequence: int
    at: int
    refused: tuple[Off, ...] = ()
    generic: tuple[Near, ...] = ()
    generic_count: int = 0


def gate_for(
    state: Path,
    secret: Secret,
    passage: Passage,
    *,
    epoch_s: float,
    withdrawn: int = 0,
    seen: str = "",
) -> CorpusGate:
    """Return the gate of an operator.

    Raises:
        HashSetKnownGoodError: A corpus is missing or damaged.
    """
    kept = KnownGood(state, passage.default())
    is_lost = seen not in ("", identity({})) and not kept.path.is_dir()
    if is_lost and not passage.is_accepted:
        raise HashSetKnownGoodError(
            "the known-good corpora that the set in force was compared with are gone",
            hint="The set in force stays, withdrawals were taken. Restore 'known-good' "
            "from the backup, or import your corpora again; if there was only that of "
            "the program, sync with --accept-change.",
        )
    kept.with_default(secret, epoch_s=epoch_s)
    corpora = kept.read(secret)
    return CorpusGate(
        {name: _known(corpus) for name, corpus in corpora.items()},
        identity=identity(corpora),
        settings=passage.settings,
        is_accepted=passage.is_accepted,
        epoch_s=epoch_s,
        withdrawn=withdrawn,
    )


def _known(corpus: Corpus) -> KnownCorpus:
    keyed = corpus.digests.get(KEYED, np.empty((0, EXACT_KEY_BYTES), np.uint8))
    keys = keyed.reshape(-1).view(f"S{EXACT_KEY_BYTES}")
    return KnownCorpus(values=corpus.values, keys=keys)


def note_of(folder: Path, gate: CorpusGate, *, sequence: int, epoch_s: float) -> None:
    """Note the findings of a gate, for people; a failed write is ignored.

    On a full disk another error helps more.
    """
    note = GateNote(
        sequence=sequence,
        at=int(epoch_s),
        refused=gate.refused,
        generic=tuple(Near(entry=it.entry, near=it.near) for it in gate.generic),
        generic_count=gate.generic_count,
    )
    with contextlib.suppress(OSError):
        write_private(folder / NOTE_FILE, msgspec.json.encode(note))


def read_note(folder: Path) -> GateNote | None:
    """Return the last findings of a gate; ``None`` if they cannot be read."""
    try:
        with (folder / NOTE_FILE).open("rb") as file:
            return msgspec.json.decode(file.read(_MOST_NOTE_BYTES), type=GateNote)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
