"""Signed metadata: who may sign, the signed data, and which signatures are missing.

A layer of plain functions over python-tuf's ``tuf.api``, which does all cryptography.

Rules this module keeps: it is pure (time and keys are arguments); one person has one
key in a role, whatever name it has; equal values give equal bytes of unsigned metadata.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from securesystemslib.signer import Key, SSlibKey
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from uploadfilter.errors import IssuerError
from uploadfilter.signedsets.roles import (
    GATHERED,
    HASHSET,
    HASHSET_PATHS,
    MOST_KEYS,
    REVOKE,
    REVOKE_PATHS,
    ROOT,
    TARGETS,
    TIMESTAMP,
)

NAME_FIELD: Final = "x-uploadfilter-name"
"""Field of a key with the name of its holder; it is signed along with the key."""

KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Name of a holder: an account or initials; it stands in logs and on pages."""

_T = TypeVar("_T", Root, Timestamp, Snapshot, Targets)
_SERIALIZER: Final = JSONSerializer(compact=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
    """The holders of a role."""

    keys: tuple[Key, ...]
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatures:
    """The signatures on metadata, and how many more are needed.

    Attributes:
        threshold: How many holders must sign.
        by: The holders with a valid signature.
        others: The other holders.
        missing: How many more signatures are needed; 0 if there are enough.
    """

    threshold: int
    by: tuple[str, ...]
    others: tuple[str, ...]
    missing: int


def ending(epoch_s: float, days: int) -> datetime:
    """Return when the validity of metadata that is signed now ends."""
    moment = datetime.fromtimestamp(int(epoch_s), UTC)
    return moment + timedelta(days=days)


def name_of(key: Key) -> str:
    """Return the name of a key's holder; without one, the beginning of the key's id."""
    name = key.unrecognized_fields.get(NAME_FIELD)
    usable = isinstance(name, str) and KEY_NAME.fullmatch(name)
    return str(name) if usable else key.keyid[:12]


def check_name(name: str) -> None:
    """Refuse a name that a holder of a key cannot have."""
    if not KEY_NAME.fullmatch(name):
        raise IssuerError(
            f"a holder of a key cannot have the name {name!r}",
            hint="Use 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-': an account or initials.",
        )


def named(key: SSlibKey, name: str) -> SSlibKey:
    """Return a public key with the name of its holder."""
    check_name(name)
    fields = {**key.unrecognized_fields, NAME_FIELD: name}
    return SSlibKey(key.keyid, key.keytype, key.scheme, key.keyval, fields)


def new_root(
    holders: Mapping[str, Holders], *, version: int, expires: datetime
) -> Metadata[Root]:
    """Return an unsigned root: the holders of the four roles at the top."""
    root = Root(version=version, expires=expires, consistent_snapshot=True)
    for role in (ROOT, TARGETS, GATHERED, TIMESTAMP):
        check_holders(role, holders[role])
        root.roles[role] = Role([], holders[role].threshold)
        for key in holders[role].keys:
            root.add_key(key, role)
    return Metadata(root)


def new_targets(
    holders: Mapping[str, Holders], *, version: int, expires: datetime
) -> Metadata[Targets]:
    """Return unsigned delegations: the holders who may add, or withdraw."""
    keys: dict[str, Key] = {}
    roles: dict[str, DelegatedRole] = {}
    for role, paths in ((HASHSET, HASHSET_PATHS), (REVOKE, REVOKE_PATHS)):
        check_holders(role, holders[role])
        ids = [key.keyid for key in holders[role].keys]
        keys |= {key.keyid: key for key in holders[role].keys}
        threshold = holders[role].threshold
        roles[role] = DelegatedRole(role, ids, threshold, True, list(paths))
    delegations = Delegations(keys=keys, roles=roles)
    return Metadata(Targets(version=version, expires=expires, delegations=delegations))


def new_listing(
    files: Mapping[str, bytes | TargetFile], *, version: int, expires: datetime
) -> Metadata[Targets]:
    """Return unsigned metadata of files, by their paths."""
    targets = {
        path: TargetFile.from_data(path, data, ["sha256"])
        if isinstance(data, bytes)
        else data
        for path, data in sorted(files.items())
    }
    return Metadata(Targets(version=version, expires=expires, targets=targets))


def new_gathering(
    versions: Mapping[str, int], *, version: int, expires: datetime
) -> Metadata[Snapshot]:
    """Return unsigned metadata that lists the versions that belong together."""
    meta = {f"{role}.json": MetaFile(number) for role, number in versions.items()}
    return Metadata(Snapshot(version=version, expires=expires, meta=meta))


def new_timestamp(
    gathering: int, *, version: int, expires: datetime
) -> Metadata[Timestamp]:
    """Return unsigned metadata that names the newest list of versions."""
    return Metadata(
        Timestamp(version=version, expires=expires, snapshot_meta=MetaFile(gathering))
    )


def check_holders(role: str, holders: Holders) -> None:
    """Refuse a role that cannot be filled, or is held by one person instead of two."""
    publics = [tuple(sorted(key.keyval.items())) for key in holders.keys]
    names = [name_of(key) for key in holders.keys]
    count, threshold = len(publics), holders.threshold
    if len(set(publics)) < count or len(set(names)) < count:
        raise IssuerError(
            f"the role {role!r} names a key or a person twice",
            hint="Each holder has a key and a name of their own: make one with "
            "'uploadfilter issuer key'.",
        )
    if not 1 <= threshold <= count <= MOST_KEYS:
        raise IssuerError(
            f"the role {role!r} has {count} {'key' if count == 1 else 'keys'}, and "
            f"{threshold} of them cannot sign",
            hint=f"Name 1 to {MOST_KEYS} keys, and a threshold that they can reach: "
            "--root-threshold or --analyst-threshold of 'uploadfilter issuer new', "
            "--threshold of 'uploadfilter issuer rotate'.",
        )


def written(metadata: Metadata[_T]) -> bytes:
    """Return the bytes of metadata."""
    return metadata.to_bytes(_SERIALIZER)


def signatures(
    delegator: Metadata[Root] | Metadata[Targets], role: str, what: Metadata[_T]
) -> Signatures:
    """Return the signers of a role's metadata, by the metadata that names its holders.

    A root is signed by its own rules, and by those of the root before it.
    """
    result = delegator.signed.get_verification_result(
        role, what.signed_bytes, what.signatures
    )
    return Signatures(
        threshold=result.threshold,
        by=tuple(sorted(map(name_of, result.signed.values()))),
        others=tuple(sorted(map(name_of, result.unsigned.values()))),
        missing=result.missing,
    )


def holders_of(delegator: Metadata[Root] | Metadata[Targets], role: str) -> Holders:
    """Return the holders of a role."""
    found = delegator.signed.get_delegated_role(role)
    keys = tuple(delegator.signed.get_key(keyid) for keyid in found.keyids)
    return Holders(keys=keys, threshold=found.threshold)


def with_holders(
    holders: Holders,
    *,
    add: Sequence[Key],
    remove: Sequence[str],
    threshold: int | None,
) -> Holders:
    """Return the holders of a role after a change."""
    known = {name_of(key) for key in holders.keys}
    strange = sorted(set(remove) - known)
    if strange:
        raise IssuerError(
            f"{strange[0]!r} does not hold a key of this role",
            hint=f"Holders: {', '.join(sorted(known))}.",
        )
    kept = tuple(key for key in holders.keys if name_of(key) not in remove)
    return Holders(
        keys=(*kept, *add),
        threshold=holders.threshold if threshold is None else threshold,
    )


def parsed(data: bytes, kind: type[_T]) -> Metadata[_T]:
    """Read metadata of a kind.

    Raises:
        RepositoryError: The data is of another kind.
    """
    found = Metadata.from_bytes(data)
    if not isinstance(found.signed, kind):
        raise RepositoryError(f"{found.signed.type} stands where {kind.type} should")
    return found
