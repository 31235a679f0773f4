"""Propose who holds which role, and how long signatures are valid.

Rules this module keeps: a change of holders is signed by the holders of the root, both
the old and the new ones; metadata that a leaving holder signed is signed anew by the
remaining ones, because operators would refuse it otherwise.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Root, Targets

from uploadfilter.errors import IssuerError
from uploadfilter.issuing.folder import IssuerFolder
from uploadfilter.issuing.proposing import Files, renewal
from uploadfilter.issuing.published import Published
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets import operations as ops
from uploadfilter.signedsets.roles import (
    GATHERED,
    HASHSET,
    REVOKE,
    REVOKED_PATH,
    ROOT,
    TARGETS,
    TIMESTAMP,
)
from uploadfilter.state import write_private


def propose_holders(
    folder: IssuerFolder,
    now: Published,
    holders: Mapping[str, md.Holders],
    *,
    epoch_s: float,
) -> None:
    """Propose the holders of all roles, at the beginning or for a change."""
    lifetimes = folder.settings.lifetimes
    root = md.new_root(
        holders,
        version=now.next_version(ROOT),
        expires=md.ending(epoch_s, lifetimes.root),
    )
    targets = md.new_targets(
        holders,
        version=now.next_version(TARGETS),
        expires=md.ending(epoch_s, lifetimes.targets),
    )
    new: dict[str, bytes] = {}
    if now.root is None or _differs(root.signed, now.root.signed):
        new[ROOT] = md.written(root)
    if now.targets is None or _differs(targets.signed, now.targets.signed):
        new[TARGETS] = md.written(targets)
    for role, data in new.items():
        write_private(folder.proposal / f"{role}.json", data)
    if now.revoke is None or now.hashset is None:
        propose_withdrawals(folder, now, (), epoch_s=epoch_s)
    elif TARGETS in new:
        _propose_signing_anew(folder, now, targets, epoch_s)


def _propose_signing_anew(
    folder: IssuerFolder, now: Published, targets: Metadata[Targets], epoch_s: float
) -> None:
    """Propose new signatures of the present holders on metadata of the old ones.

    Operators would refuse it otherwise: signatures of removed keys do not count.
    """
    if (
        now.revoke is not None
        and md.signatures(targets, REVOKE, now.revoke.metadata).missing
    ):
        propose_withdrawals(folder, now, now.revoke.withdrawn(), epoch_s=epoch_s)
    if (
        now.hashset is not None
        and md.signatures(targets, HASHSET, now.hashset.metadata).missing
    ):
        place = folder.proposal / f"{HASHSET}.json"
        if not place.exists():
            renewal(now, folder, epoch_s, folder.proposal)


def _differs(new: Root | Targets, old: Root | Targets) -> bool:
    """Tell whether two differ in anything except version and end of validity."""
    shapes = [it.to_dict() for it in (new, old)]
    for shape in shapes:
        del shape["version"], shape["expires"]
    return shapes[0] != shapes[1]


def propose_longer(
    folder: IssuerFolder, now: Published, roles: Iterable[str], *, epoch_s: float
) -> None:
    """Propose a later end of validity for root or targets, with no other change."""
    lasting: Mapping[str, tuple[Metadata[Any] | None, int]] = {
        ROOT: (now.root, folder.settings.lifetimes.root),
        TARGETS: (now.targets, folder.settings.lifetimes.targets),
    }
    for role in roles:
        metadata, days = lasting[role]
        if metadata is None:
            raise IssuerError(
                "nothing was published yet, so there is no validity to extend",
                hint="Sign and publish what 'uploadfilter issuer new' proposed first.",
            )
        signed = type(metadata.signed).from_dict(metadata.signed.to_dict())
        signed.version, signed.expires = (
            now.next_version(role),
            md.ending(epoch_s, days),
        )
        write_private(folder.proposal / f"{role}.json", md.written(Metadata(signed)))


def propose_withdrawals(
    folder: IssuerFolder, now: Published, ids: Iterable[str], *, epoch_s: float
) -> None:
    """Propose a list of withdrawals, in place of the published one."""
    listing = withdrawal_list(
        folder.proposal,
        ids,
        version=now.next_version(REVOKE),
        expires=md.ending(epoch_s, folder.settings.lifetimes.revoke),
    )
    write_private(folder.proposal / f"{REVOKE}.json", md.written(listing))


def withdrawal_list(
    place: Path, ids: Iterable[str], *, version: int, expires: datetime
) -> Metadata[Targets]:
    """Write a list of withdrawals, and return unsigned metadata for it."""
    found = Files(place)
    found.put(REVOKED_PATH, ops.packed(ops.deletion(i) for i in sorted(set(ids))))
    return md.new_listing(found.listed, version=version, expires=expires)


def check_all(holders: Mapping[str, md.Holders]) -> None:
    """Refuse holders with whom a role cannot be filled."""
    for role, known in holders.items():
        md.check_holders(role, known)
        if role in {REVOKE, GATHERED, TIMESTAMP} and known.threshold != 1:
            raise IssuerError(
                f"{role!r} is signed by one key, not by {known.threshold}",
                hint="A withdrawal must not wait for a second person. Analysts make "
                "changes that need two.",
            )


def holders_now(now: Published) -> dict[str, md.Holders]:
    """Return the published holders of each role."""
    if now.root is None or now.targets is None:
        raise IssuerError(
            "nothing was published yet",
            hint="Sign and publish what 'uploadfilter issuer new' proposed first.",
        )
    top = {r: md.holders_of(now.root, r) for r in (ROOT, TARGETS, GATHERED, TIMESTAMP)}
    return top | {r: md.holders_of(now.targets, r) for r in (HASHSET, REVOKE)}
