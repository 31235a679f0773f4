"""The acts of an issuer, each done and worded once: the page and the commands call it.

A ``Notice`` says in words what happened and what is next; its facts are the same for
programs. Hints name commands, and the page puts its own words in their place.

Rules this module keeps: each act takes the lock of the folder for its own duration; it
signs or publishes exactly the shown proposal; it gets signers, and neither keys nor
passphrases. All acts block.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from uploadfilter.errors import IssuerError
from uploadfilter.hashsets.tally import Tally
from uploadfilter.issuing import keys, proposing, publishing, signing, staging
from uploadfilter.issuing.builds import Builds, Finished
from uploadfilter.issuing.folder import IssuerFolder
from uploadfilter.issuing.proposing import Review
from uploadfilter.issuing.published import Published, published
from uploadfilter.issuing.publishing import Withdrawable
from uploadfilter.issuing.signing import PendingSignature
from uploadfilter.issuing.staging import StagedChanges
from uploadfilter.issuing.steps import Situation, WaitingRole
from uploadfilter.issuing.wording import counted, entries, shown, withdrawn_again
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets.roles import HASHSET, ROOT

if TYPE_CHECKING:
    from securesystemslib.signer import Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What an act has done.

    Attributes:
        text: What happened.
        hint: What to do next; empty if there is nothing to do.
        is_good: Whether the act succeeded.
        facts: What happened, for programs.
    """

    text: str
    hint: str = ""
    is_good: bool = True
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderState:
    """The state of the folder when it was read.

    Attributes:
        now: The published data.
        pending: The proposal, role by role.
        finished: A build that waits to be proposed.
        is_broken_off: Whether a build was interrupted, and can go on.
        staged: The operations that the next proposal takes up.
        withdrawn: Entries that are withdrawn, and still in the set.
        left_today: How many more entries one person may withdraw today.
        root_sha256: SHA-256, in hex, of the file by which providers begin to trust this
            issuer; empty before it is published.
        review: The effect of the proposal; ``None`` if no set is proposed, or if it was
            not read.
    """

    now: Published
    pending: tuple[PendingSignature, ...]
    finished: Finished | None
    is_broken_off: bool
    staged: StagedChanges
    withdrawn: int
    left_today: int
    root_sha256: str
    review: Review | None

    @property
    def digest(self) -> str:
        """Digest of the proposal and of the published data, without signatures.

        Who signs gives it back, so that nobody signs a proposal that was changed in the
        meantime.
        """
        return _digest(self.pending, self.now)

    @property
    def situation(self) -> Situation:
        """The facts that decide the next step."""
        return Situation(
            sequence=self.now.sequence,
            built=None if self.finished is None else self.finished.summary.entries,
            is_broken_off=self.is_broken_off,
            staged=self.staged.added + self.staged.deleted,
            waiting=tuple(
                WaitingRole(
                    role=it.role, by=it.by, others=it.others, missing=it.missing
                )
                for it in self.pending
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedSet:
    """A proposal that was just made.

    Attributes:
        review: Its effect.
        digest: As in ``FolderState``.
        tally: The lines of the staged file that were left out.
        withdrawn: Ids that were left out, because a duty officer withdrew them.
    """

    review: Review
    digest: str
    tally: Tally
    withdrawn: tuple[str, ...]

    @property
    def notice(self) -> Notice:
        """What happened, in words."""
        text = "The proposal is made. Now it has to be signed."
        if self.withdrawn:
            again = withdrawn_again(self.withdrawn)
            return Notice(text=f"{text} {again}.", hint=staging.PUT_BACK)
        return Notice(text=text)


class Acts:
    """The acts on an issuer's folder."""

    def __init__(self, folder: IssuerFolder, *, clock: Callable[[], float]) -> None:
        self.folder = folder
        self.builds = Builds(folder.path)
        self._clock = clock
        self._reviewed: tuple[str, Review | None] = ("", None)

    @property
    def epoch_s(self) -> float:
        """Seconds since the epoch."""
        return self._clock()

    def look(self, *, reads: bool = True) -> FolderState:
        """Return the state of the folder.

        Args:
            reads: Whether to read through a proposal that was not read yet, which takes
                long if a set is large.
        """
        with self.folder.locked():
            now = published(self.folder)
            pending = signing.pending(self.folder, now)
            return FolderState(
                now=now,
                pending=pending,
                finished=self.builds.finished,
                is_broken_off=self.builds.is_broken_off,
                staged=staging.staged(self.folder),
                withdrawn=len(now.withdrawn()),
                left_today=publishing.left_today(self.folder, now, self.epoch_s),
                root_sha256="" if now.root is None else self._root_sha256(),
                review=self._review(pending, now) if reads else None,
            )

    def _root_sha256(self) -> str:
        data = (self.folder.metadata / f"1.{ROOT}.json").read_bytes()
        return hashlib.sha256(data).hexdigest()

    def _review(
        self, pending: Sequence[PendingSignature], now: Published
    ) -> Review | None:
        digest = _digest(pending, now)
        if self._reviewed[0] != digest:
            review = None
            if any(item.role == HASHSET for item in pending):
                review = proposing.review(self.folder, now)
            self._reviewed = (digest, review)
        return self._reviewed[1]

    def propose(
        self,
        file: Path | None = None,
        *,
        categories: Collection[str] = (),
        is_whole: bool = False,
    ) -> ProposedSet:
        """Propose what is staged; with nothing staged, propose a longer validity.

        Args:
            file: A file of entries, which is staged before; a finished build is deleted
                then.
            categories: The categories to take; see ``staging.stage_file``.
            is_whole: Whether the file is the whole set: entries that it lacks are
                removed.

        Raises:
            HashSetError: The file cannot be read.
            IssuerError: There is nothing to propose.
        """
        tally = Tally()
        with self.folder.locked():
            now = published(self.folder)
            again = staging.staged_in_vain(self.folder, now)
            if file is not None:
                again += staging.stage_file(
                    self.folder,
                    file,
                    now=now,
                    tally=tally,
                    categories=categories,
                    is_whole=is_whole,
                ).withdrawn
                if self.builds.holds(file):
                    self.builds.take(file)
            review = proposing.propose(
                self.folder,
                now,
                epoch_s=self.epoch_s,
                parameters=proposing.own_parameters(),
            )
            return ProposedSet(
                review=review,
                digest=_digest(signing.pending(self.folder, now), now),
                tally=tally,
                withdrawn=tuple(dict.fromkeys(again)),
            )

    def stage_removal(self, ids: Sequence[str]) -> StagedChanges:
        """Stage the removal of entries that are published or staged."""
        with self.folder.locked():
            strange = staging.not_added(self.folder, ids)
            if strange:
                publishing.check_listed(published(self.folder), strange)
            return staging.stage_deletions(self.folder, ids)

    def forget(self) -> Notice:
        """Delete the staged operations, and the proposed set."""
        with self.folder.locked():
            staging.clear(self.folder)
            proposing.discard(self.folder)
        return Notice(text="The proposal was deleted. The published set is unchanged.")

    def sign(self, signers: Sequence["Signer"], seen: str) -> Notice:
        """Sign the proposal that was shown, with the keys of one or several holders."""
        signed: dict[str, None] = {}
        with self.folder.locked():
            now = published(self.folder)
            self._check_seen(now, seen)
            for signer in signers:
                signed |= dict.fromkeys(signing.sign(self.folder, now, signer))
            pending = signing.pending(self.folder, now)
        names = [md.name_of(signer.public_key) for signer in signers]
        has = "has" if len(names) == 1 else "have"
        missing = any(item.missing for item in pending)
        return Notice(
            text=f"{' and '.join(names)} {has} signed.",
            hint="Now somebody else has to sign." if missing else "It can go out now.",
            facts={"signed": list(signed)},
        )

    def publish(self, machine: "Signer", seen: str) -> Notice:
        """Publish the proposal that was shown and signed."""
        with self.folder.locked():
            now = published(self.folder)
            self._check_seen(now, seen)
            done = publishing.publish(self.folder, now, machine, epoch_s=self.epoch_s)
        hint = "Providers who fetch it themselves have it soon; others need a stick."
        if done.keeps_staged:
            hint += " Entries that were staged after the proposal are still staged."
        return Notice(
            text=f"Number {done.sequence} is published.",
            hint=hint,
            facts={
                "sequence": done.sequence,
                "roles": done.roles,
                "keeps_staged": done.keeps_staged,
            },
        )

    def renew(self, machine: "Signer") -> Notice:
        """Confirm with a new timestamp that the published data is the newest."""
        with self.folder.locked():
            now = published(self.folder)
            publishing.renew(self.folder, now, machine, epoch_s=self.epoch_s)
        days = counted(self.folder.settings.lifetimes.online, "day")
        return Notice(
            text="The published set is confirmed as the newest.",
            hint=f"The confirmation is valid for {days}.",
            facts={"sequence": now.sequence},
        )

    def withdrawable(self, ids: Sequence[str]) -> Withdrawable:
        """Describe the effect of a withdrawal."""
        with self.folder.locked():
            return publishing.withdrawable(
                self.folder, published(self.folder), ids, epoch_s=self.epoch_s
            )

    def withdraw(
        self, ids: Sequence[str], officer: "Signer", machine: "Signer"
    ) -> Notice:
        """Withdraw entries at once; without ids, renew the list of withdrawals."""
        with self.folder.locked():
            count, listed = publishing.withdraw(
                self.folder,
                published(self.folder),
                ids,
                officer=officer,
                machine=machine,
                epoch_s=self.epoch_s,
            )
        facts = {"withdrawn": count, "listed": listed}
        whole = entries(listed)
        if not ids:
            text = f"The list of withdrawals is renewed: {whole}."
            return Notice(text=text, facts=facts)
        return Notice(
            text=f"{entries(count, 'is', plural='are')} withdrawn.",
            hint=f"The list of withdrawals has {whole} now. Providers who fetch it "
            "themselves put it out of force with their next look; others need a stick.",
            facts=facts,
        )

    def export(self, to: Path) -> Notice:
        """Copy the signed set into a folder."""
        with self.folder.locked():
            now = published(self.folder)
            size = publishing.export(self.folder, now, to)
        return _copied(now, to, size)

    def export_lines(self, to: Path) -> Notice:
        """Write the published entries into a file of JSON lines."""
        with self.folder.locked():
            now = published(self.folder)
            size = publishing.export_lines(now, to)
        return _copied(now, to, size)

    def _check_seen(self, now: Published, seen: str) -> None:
        if _digest(signing.pending(self.folder, now), now) != seen:
            raise IssuerError(
                "the proposal is not the one that was shown: somebody has changed it",
                hint="Nothing was signed or published. Read the proposal as it is now.",
            )


def keep_key(file: Path, name: str, private: bytes, public: bytes) -> Notice:
    """Write the key of a holder, as two files."""
    keys.keep(file, private, public)
    public_file = keys.public_file_of(file)
    return Notice(
        text=f"The key of {name} is made.",
        hint=f"{shown(file.name)} stays with its holder, as does the passphrase, which "
        f"cannot be recovered. {shown(public_file.name)} goes to those who look after "
        "the program.",
        facts={"private": str(file), "public": str(public_file), "name": name},
    )


def _copied(now: Published, to: Path, size: int) -> Notice:
    return Notice(
        text=f"Number {now.sequence} is in {shown(to)}: {size / 1e6:,.1f} MB.",
        hint="Signatures keep a set from being changed, but not from being read: "
        "encrypt the stick.",
        facts={"sequence": now.sequence, "bytes": size},
    )


def _digest(pending: Sequence[PendingSignature], now: Published) -> str:
    found = hashlib.sha256(repr(sorted(now.versions.items())).encode())
    for item in pending:
        found.update(hashlib.sha256(item.metadata.signed_bytes).digest())
    return found.hexdigest()
