"""Sign a proposal: what a holder's key may sign, and which signatures are missing.

Rules this module keeps: a key signs only for its roles; the same key twice is one
signature; the holders of a role are read from the signed data itself, never from a
note.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization import DeserializationError

from uploadfilter.errors import IssuerError
from uploadfilter.issuing.folder import IssuerFolder
from uploadfilter.issuing.published import KINDS, Published
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets.roles import ROOT, TARGETS
from uploadfilter.state import write_private

if TYPE_CHECKING:
    from securesystemslib.signer import Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSignature:
    """The proposal for one role.

    Attributes:
        role: The role.
        metadata: The metadata to be signed.
        signatures: The signers so far; for a root, first by the rules of the old one.
    """

    role: str
    metadata: Metadata[Any]
    signatures: tuple[md.Signatures, ...]

    @property
    def missing(self) -> int:
        """How many signatures are still missing."""
        return max(it.missing for it in self.signatures)

    @property
    def by(self) -> tuple[str, ...]:
        """The holders that have signed."""
        return tuple(sorted({name for it in self.signatures for name in it.by}))

    @property
    def others(self) -> tuple[str, ...]:
        """The holders that may sign and have not."""
        return tuple(sorted({name for it in self.signatures for name in it.others}))


def pending(folder: IssuerFolder, now: Published) -> tuple[PendingSignature, ...]:
    """Return the proposal, role by role."""
    found: dict[str, Metadata[Any]] = {}
    for role, kind in KINDS.items():
        place = folder.proposal / f"{role}.json"
        if place.exists():
            found[role] = _read(place.read_bytes(), kind, role)
    return tuple(
        PendingSignature(
            role=role,
            metadata=metadata,
            signatures=tuple(
                md.signatures(delegator, role, metadata)
                for delegator in _delegators(role, found, now)
            ),
        )
        for role, metadata in found.items()
    )


def sign(folder: IssuerFolder, now: Published, signer: "Signer") -> tuple[str, ...]:
    """Sign everything in the proposal that a key may sign.

    Returns:
        The roles that the key has signed for.
    """
    waiting = pending(folder, now)
    if not waiting:
        raise IssuerError(
            "there is no proposal to be signed",
            hint="'uploadfilter issuer propose' makes one of the staged changes.",
        )
    name = md.name_of(signer.public_key)
    signed = []
    for item in waiting:
        if name in item.others and _may_sign(item.role, signer, waiting, now):
            put_signature(item.metadata, signer)
            write_private(
                folder.proposal / f"{item.role}.json", md.written(item.metadata)
            )
            signed.append(item.role)
    if not signed:
        raise _nothing_to_sign(name, waiting)
    return tuple(signed)


def named_in(item: PendingSignature) -> dict[str, md.Holders]:
    """Return the holders of each role that a proposal names; empty if it names none."""
    roles = getattr(item.metadata.signed, "roles", None)
    delegations = getattr(item.metadata.signed, "delegations", None)
    named = roles or (delegations.roles if delegations else {})
    return {role: md.holders_of(item.metadata, role) for role in named}


def put_signature(metadata: Metadata[Any], signer: "Signer") -> None:
    """Add a signature to metadata."""
    told: BaseException | None = None
    try:
        metadata.sign(signer, append=True)
    except UnsignedMetadataError as exc:
        told = exc.__cause__ if isinstance(exc.__cause__, IssuerError) else exc
    if told is not None:
        # Raised outside: inside, each of the two errors would be the cause of the
        # other.
        raise told


def check_complete(waiting: Iterable[PendingSignature]) -> None:
    """Refuse metadata that lacks signatures."""
    for item in waiting:
        if item.missing:
            threshold = max(it.threshold for it in item.signatures)
            have = ", ".join(item.by) or "nobody"
            raise IssuerError(
                f"{item.role!r} has {threshold - item.missing} of {threshold} "
                f"signatures; signed by: {have}",
                hint="Nothing was published. One of these signs with 'uploadfilter "
                f"issuer sign': {', '.join(item.others) or 'nobody is left'}.",
            )


def _nothing_to_sign(name: str, waiting: Iterable[PendingSignature]) -> IssuerError:
    by = {item.role for item in waiting if name in item.by}
    if by:
        return IssuerError(
            f"{name!r} has already signed everything that this key may sign: "
            f"{', '.join(sorted(by))}",
            hint="The same key twice is one signature: somebody else has to sign.",
        )
    roles = ", ".join(sorted(item.role for item in waiting))
    return IssuerError(
        f"the key of {name!r} may not sign any part of the proposal ({roles})",
        hint="'uploadfilter issuer status' says who holds which role.",
    )


def _may_sign(
    role: str, signer: "Signer", waiting: Iterable[PendingSignature], now: Published
) -> bool:
    """Tell whether a key, and not only its holder's name, belongs to a role."""
    metadata = {item.role: item.metadata for item in waiting}
    keys = {
        key.keyid
        for delegator in _delegators(role, metadata, now)
        for key in md.holders_of(delegator, role).keys
    }
    return signer.public_key.keyid in keys


def _delegators(
    role: str, found: Mapping[str, Metadata[Any]], now: Published
) -> tuple[Metadata[Any], ...]:
    """Return the metadata that names the holders of a role: proposed or published."""
    root, targets = found.get(ROOT, now.root), found.get(TARGETS, now.targets)
    if role == ROOT:
        return tuple(it for it in (now.root, found.get(ROOT)) if it is not None)
    delegator = root if role == TARGETS else targets
    if delegator is None:
        raise IssuerError(
            f"no metadata names the holders of {role!r}",
            hint="Restore the folder from the backup.",
        )
    return (delegator,)


def _read(data: bytes, kind: type[Root] | type[Targets], role: str) -> Metadata[Any]:
    try:
        return md.parsed(data, kind)
    except (RepositoryError, DeserializationError, ValueError) as exc:
        raise IssuerError(
            f"the proposal for {role!r} is damaged: {exc}",
            hint="Make it anew with 'uploadfilter issuer propose'.",
        ) from exc
