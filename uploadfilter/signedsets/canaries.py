"""Canaries: a harmless picture that every signed set lists, to prove that it works.

The picture is made here, byte for byte the same everywhere, and shows rings, bars and a
slope. Two entries list it: one by its SHA-256, one by PDQ and pHash, because the filter
looks these up in different ways, and each way must be proved to work. An operator sends
it to the address for clients, with a header that only the operator can make.

Rules this module keeps: it is pure; the picture is computed with whole numbers and is
not compressed, so that no library can change a byte of it; entries under ``PREFIX`` are
never changed, because published sets have them.
"""

import hashlib
import hmac
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

import msgspec

from uploadfilter.model import (
    Action,
    Entry,
    EntrySignal,
    Mode,
    Signal,
    SignalType,
    Verdict,
)

PREFIX: Final = "canary-"
"""The ids of canaries begin with this; no other entry may have such an id."""

CATEGORY: Final = "canary"
"""The category of canaries; it is taken in addition to the operator's choice."""

EXACT: Final = "canary-exact"
NEAR: Final = "canary-near"
IDS: Final = (EXACT, NEAR)

HEADER: Final = b"Uploadfilter-Canary"
"""Marks an upload as an operator's canary. The origin never gets this header."""

KEY_BYTES: Final = 32
VALID_S: Final = 120
"""How long a header is valid: the most that a network and two clocks may take. A person
who sees a header may send a few uploads that go nowhere."""

_TIME_DIGITS: Final = 15
_SIDE: Final = 192
_DOMAIN: Final = b"uploadfilter canary 1\n"
_STORED: Final = 65_535
"""Most bytes of an uncompressed block of deflate (RFC 1951, 3.2.4)."""

_SHA256: Final = "be7919de12ed9b3b26dac4d418374c96f56fa9a2637004a735bcbeac09ce4eca"
_PDQ: Final = "5b96b36bf84eff9ec6f1c271e4fb270103102b49fe0adcae01f1046145b17c8e"
_PDQ_QUALITY: Final = 100
_PHASH: Final = "a838c743ff3a284d"
"""The signals that ``signals`` computes for the picture; tests compare them."""


_MOST_RECENT: Final = 8
"""Canaries that are remembered one by one: several commands may run at once."""

_MOST_SETS: Final = 1000


class CanaryOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one canary; the fields are those of its record.

    Attributes:
        at: When it was decided, in seconds since the epoch.
        matched: Sets and entries that it matched.
    """

    id: str
    at: int
    instance: str
    route: str
    mode: Mode
    generation: int
    verdict: Verdict
    effect: Action
    reason: str = ""
    matched: tuple[tuple[str, str], ...] = ()


class CanaryNote(msgspec.Struct, frozen=True, kw_only=True):
    """The note of a proxy about canaries.

    Attributes:
        recent: The last ones, newest first.
        found: When both entries of a set were last found, by set, in seconds since the
            epoch.
    """

    recent: tuple[CanaryOutcome, ...] = ()
    found: dict[str, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCanaries:
    """The canaries that a set in force has."""

    set: str
    ids: tuple[str, ...]
    enforced: bool


class CanaryClaim(StrEnum):
    """Whether a request claims to be a canary, and whether it is one."""

    NOTHING = "nothing"
    CANARY = "canary"
    WRONG = "wrong"


@cache
def picture() -> bytes:
    """Return the canary: a grey PNG of 192 x 192 pixels."""
    rows = b"".join(
        b"\0" + bytes(_grey(x, y) for x in range(_SIDE)) for y in range(_SIDE)
    )
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(name, data)
        for name, data in ((b"IHDR", header), (b"IDAT", _stored(rows)), (b"IEND", b""))
    )


def entries() -> tuple[Entry, ...]:
    """Return the entries that list the canary."""
    return (
        Entry(
            id=EXACT,
            category=CATEGORY,
            signals=(_listed(SignalType.SHA256, _SHA256),),
            exact_only=True,
        ),
        Entry(
            id=NEAR,
            category=CATEGORY,
            signals=(
                _listed(SignalType.PDQ, _PDQ, quality=_PDQ_QUALITY),
                _listed(SignalType.PHASH, _PHASH),
            ),
        ),
    )


def header_value(key: bytes, epoch_s: float) -> bytes:
    """Return the value of the header for now.

    Args:
        key: ``KEY_BYTES`` bytes that only the operator and the proxy have.
        epoch_s: Seconds since the epoch.
    """
    at = b"%d" % int(epoch_s)
    return at + b":" + _mac(key, at)


def said(values: Sequence[bytes], key: bytes, epoch_s: float) -> CanaryClaim:
    """Tell whether a request claims to be a canary, and whether it is one.

    Args:
        values: The values of all such headers of the request.
        key: As above; if it is empty, nothing is a canary.
        epoch_s: Seconds since the epoch.
    """
    if not values:
        return CanaryClaim.NOTHING
    at, _, mac = values[0].partition(b":")
    is_time = at.isdigit() and len(at) <= _TIME_DIGITS
    if len(values) > 1 or not is_time or len(key) != KEY_BYTES:
        return CanaryClaim.WRONG
    is_ours = hmac.compare_digest(mac, _mac(key, at))
    is_now = abs(int(at) - epoch_s) <= VALID_S
    return CanaryClaim.CANARY if is_ours and is_now else CanaryClaim.WRONG


def noted(note: CanaryNote, seen: CanaryOutcome) -> CanaryNote:
    """Return the note after one more canary."""
    whole = {name for name, _ in seen.matched}
    for entry_id in IDS:
        whole &= {name for name, it in seen.matched if it == entry_id}
    found = {**note.found, **dict.fromkeys(whole, seen.at)}
    kept = sorted(found, key=found.__getitem__, reverse=True)[:_MOST_SETS]
    return CanaryNote(
        recent=(seen, *note.recent)[:_MOST_RECENT],
        found={name: found[name] for name in sorted(kept)},
    )


def read_note(data: bytes) -> CanaryNote:
    """Return the note that a proxy wrote; an empty one if it cannot be read."""
    try:
        return msgspec.json.decode(data, type=CanaryNote)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return CanaryNote()


def faults(
    listed: ListedCanaries, seen: CanaryOutcome, *, is_rejected: bool
) -> tuple[str, ...]:
    """Return the faults in one set's treatment of a canary; empty if there are none."""
    found = {entry_id for name, entry_id in seen.matched if name == listed.set}
    missing = [it for it in listed.ids if it not in found]
    if missing:
        return tuple(f"{it} did not match" for it in missing)
    if not listed.enforced or seen.mode is not Mode.ENFORCE:
        return ()
    if seen.effect is not Action.REJECT or not is_rejected:
        return (f"it matched, and was not rejected: {seen.effect}",)
    return ()


def _listed(
    signal_type: SignalType, value: str, *, quality: int | None = None
) -> EntrySignal:
    signal = Signal(type=signal_type, value=bytes.fromhex(value))
    return EntrySignal(signal=signal, quality=quality)


def _mac(key: bytes, at: bytes) -> bytes:
    return hmac.digest(key, _DOMAIN + at, hashlib.sha256).hex().encode()


def _grey(x: int, y: int) -> int:
    """Return one pixel, 0 to 255: a slope, bars, and rings around two centres."""
    value = 40 + x // 3 + y // 4
    value += 60 * ((x * 5 + y * 3) // 97 % 2)
    for at_x, at_y, width in ((60, 70, 900), (140, 120, 600)):
        value += 50 * (((x - at_x) ** 2 + (y - at_y) ** 2) // width % 2)
    return min(value, 255)


def _chunk(name: bytes, data: bytes) -> bytes:
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def _stored(data: bytes) -> bytes:
    """Return data as zlib (RFC 1950) without compression, the same bytes everywhere."""
    blocks = [data[at : at + _STORED] for at in range(0, len(data), _STORED)]
    packed = b"".join(
        struct.pack("<BHH", block is blocks[-1], len(block), len(block) ^ 0xFFFF)
        + block
        for block in blocks
    )
    return b"\x78\x01" + packed + struct.pack(">I", zlib.adler32(data))
