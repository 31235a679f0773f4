"""The acts of the page on the issuer's folder: the room's own functions, no others.

All of them block, and run in threads. Rules this module keeps: each act takes the lock
of the folder for its own duration; it signs or publishes exactly the shown proposal; a
key and its passphrase live as long as the act that needs them.
"""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from securesystemslib.signer import Signer
from typing_extensions import override

from uploadfilter.errors import IssuerError
from uploadfilter.hashsets.tally import Tally
from uploadfilter.issuing import keyfiles, proposing, publishing, signing, staging
from uploadfilter.issuing.building import BuildFile, Naming
from uploadfilter.issuing.builds import Builds, Finished
from uploadfilter.issuing.folder import IssuerFolder
from uploadfilter.issuing.generic import KnownGoodCheck
from uploadfilter.issuing.keys import made_key, opened_key
from uploadfilter.issuing.page.folders import shown
from uploadfilter.issuing.page.steps import Situation, WaitingRole
from uploadfilter.issuing.page.work import Job, Notice, count_files
from uploadfilter.issuing.picturing import build
from uploadfilter.issuing.proposing import Review
from uploadfilter.issuing.published import Published, published
from uploadfilter.issuing.publishing import Withdrawable
from uploadfilter.issuing.signing import PendingSignature
from uploadfilter.issuing.tables import read_table
from uploadfilter.issuing.tokens import is_token, label_of, opened_token
from uploadfilter.issuing.wording import counted, entries, withdrawn_again
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets.roles import HASHSET, ROOT, Lifetimes


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key from a form.

    Attributes:
        data: The content of its file.
        passphrase: The passphrase that seals it, or the PIN of its token.
    """

    data: bytes
    passphrase: str

    @override
    def __repr__(self) -> str:
        """Return a text without the key."""
        return "Key()"


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderState:
    """The state of the folder when it was read.

    Attributes:
        situation: The facts that decide the next step.
        now: The published data.
        pending: The proposal, role by role.
        digest: Digest of the proposal and of the published data; a form carries it, so
            that nobody signs a proposal that was changed in the meantime. It does not
            cover signatures.
        finished: A build that waits to be proposed.
        staged: The operations that the next proposal takes up.
        withdrawn: Entries that are withdrawn, and still in the set.
        left_today: How many more entries one person may withdraw today.
        root_sha256: SHA-256, in hex, of the file by which providers begin to trust this
            issuer; empty before it is published.
        review: The effect of the proposal; ``None`` if no set is proposed, or if it was
            not read.
    """

    situation: Situation
    now: Published
    pending: tuple[PendingSignature, ...]
    digest: str
    finished: Finished | None
    staged: staging.StagedChanges
    withdrawn: int
    left_today: int
    root_sha256: str
    review: Review | None


class Acts:
    """The acts that the page can do.

    Args:
        folder: The issuer's folder.
        clock: Returns seconds since the epoch.
        settings: Settings of the scanners.
        library: The PKCS#11 library of tokens; ``None`` if there is none. A form never
            names it, because it is loaded into this process.
    """

    def __init__(
        self,
        folder: IssuerFolder,
        *,
        clock: Callable[[], float],
        settings: ScannerSettings,
        library: Path | None = None,
    ) -> None:
        self.folder = folder
        self.library = library
        self._clock = clock
        self._settings = settings
        self._builds = Builds(folder.path)
        self._reviewed: tuple[str, Review | None] = ("", None)

    @property
    def epoch_s(self) -> float:
        """Seconds since the epoch."""
        return self._clock()

    @property
    def lifetimes(self) -> Lifetimes:
        """How long signatures are valid."""
        return self.folder.settings.lifetimes

    def situation(self) -> Situation:
        """Return the facts that decide the next step.

        Raises:
            IssuerError: The folder is damaged, or a command is working on it.
        """
        return self.look(reads=False).situation

    def look(self, *, reads: bool = True) -> FolderState:
        """Return the state of the folder.

        Args:
            reads: Whether to read through a proposal that was not read yet, which takes
                long if a set is large.

        Raises:
            IssuerError: The folder is damaged, or a command is working on it.
        """
        with self.folder.locked():
            now = published(self.folder)
            pending = signing.pending(self.folder, now)
            found = staging.staged(self.folder)
            withdrawn = 0 if now.revoke is None else len(now.revoke.withdrawn())
            left = publishing.left_today(self.folder, now, self.epoch_s)
            root = "" if now.root is None else self._root_sha256()
            digest = _digest(pending, now)
            review = self._review(pending, now, digest) if reads else None
        finished = self._builds.finished
        return FolderState(
            situation=Situation(
                sequence=now.sequence,
                built=None if finished is None else finished.summary.entries,
                is_broken_off=self._builds.is_broken_off,
                staged=found.added + found.deleted,
                waiting=tuple(map(_waiting, pending)),
            ),
            now=now,
            pending=pending,
            digest=digest,
            finished=finished,
            staged=found,
            withdrawn=withdrawn,
            left_today=left,
            root_sha256=root,
            review=review,
        )

    def _root_sha256(self) -> str:
        data = (self.folder.metadata / f"1.{ROOT}.json").read_bytes()
        return hashlib.sha256(data).hexdigest()

    def _review(
        self, pending: Sequence[PendingSignature], now: Published, digest: str
    ) -> Review | None:
        if self._reviewed[0] != digest:
            review = None
            if any(item.role == HASHSET for item in pending):
                review = proposing.review(self.folder, now)
            self._reviewed = (digest, review)
        return self._reviewed[1]

    def build(
        self,
        job: Job,
        source: Path,
        *,
        category: str | None,
        table: Path | None,
        known_good: KnownGoodCheck | None = None,
    ) -> Notice:
        """Compute the signals of the pictures of a folder.

        Args:
            job: Receives the progress.
            source: The folder.
            category: The category of all pictures; ``None`` if folders or a table name
                it.
            table: A file with ids and categories; ``None`` if there is none.
            known_good: The comparison with known-good corpora; ``None`` for none.

        Raises:
            HashSetError: The table cannot be read.
            IssuerError: The table cannot be read, or the lines cannot be written.
            ScannerError: No scanner can be started.
        """
        rows = None if table is None else read_table(table)
        naming = Naming(category=category, table=rows)
        corpora = () if known_good is None else known_good.corpora
        path = self._builds.place(source, str(table) if table else category, corpora)
        out = BuildFile(path)
        work = partial(
            build,
            source,
            out,
            naming,
            self._settings,
            on_done=job.advance,
            known_good=known_good,
        )
        try:
            is_whole = asyncio.run(_built(job, source, work))
            if is_whole:
                self._builds.note(path, out.built)
                out.finish()
        finally:
            out.close()
        if not is_whole:
            done = counted(job.done, "file")
            return Notice(
                text=f"Stopped after {done}.",
                hint="Nothing is lost: begin again with the same folder, and it goes "
                "on from there.",
            )
        without = 0 if rows is None else len(list(rows.lines_without(out.built.rows)))
        missing = counted(without, "row of the table has", "rows of the table have")
        return Notice(
            text=f"The pictures were read: {entries(out.built.entries)}.",
            hint=f"{missing} no picture." if without else "",
        )

    def discard(self) -> Notice:
        """Delete the results of builds."""
        self._builds.discard()
        return Notice(text="The results were deleted. The pictures are unchanged.")

    def propose(self, *, is_whole: bool) -> Notice:
        """Propose built or staged entries; without any, propose a longer validity.

        Args:
            is_whole: Whether the build is the whole set: entries that it lacks are
                removed.

        Raises:
            HashSetError: The built lines cannot be read.
            IssuerError: There is nothing to propose.
        """
        with self.folder.locked():
            now = published(self.folder)
            finished = self._builds.finished
            again = staging.staged_in_vain(self.folder, now)
            if finished is not None:
                done = staging.stage_file(
                    self.folder,
                    finished.path,
                    now=now,
                    tally=Tally(),
                    is_whole=is_whole,
                )
                again += done.withdrawn
                self._builds.take(finished.path)
            self._propose(now)
        text = "The proposal is made. Now it has to be signed."
        if again:
            return Notice(
                text=f"{text} {withdrawn_again(again)}.", hint=staging.PUT_BACK
            )
        return Notice(text=text)

    def remove(self, ids: Sequence[str]) -> Notice:
        """Propose to remove entries.

        Raises:
            IssuerError: There is nothing to propose.
        """
        with self.folder.locked():
            now = published(self.folder)
            publishing.check_listed(now, ids)
            staging.stage_deletions(self.folder, ids)
            self._propose(now)
        return Notice(text="The proposal is made. Now it has to be signed.")

    def _propose(self, now: Published) -> None:
        proposing.propose(
            self.folder,
            now,
            epoch_s=self.epoch_s,
            parameters=proposing.own_parameters(),
        )

    def forget(self) -> Notice:
        """Delete the staged operations, and the proposed set."""
        with self.folder.locked():
            staging.clear(self.folder)
            proposing.discard(self.folder)
        return Notice(text="The proposal was deleted. The published set is unchanged.")

    def sign(self, key: Key, digest: str) -> Notice:
        """Sign the proposal that was shown.

        Raises:
            IssuerError: The proposal has changed, or the key cannot be used for it.
        """
        signer = self._signer(key)
        with self.folder.locked():
            now = published(self.folder)
            _check_seen(signing.pending(self.folder, now), now, digest)
            signing.sign(self.folder, now, signer)
            pending = signing.pending(self.folder, now)
        name = md.name_of(signer.public_key)
        missing = any(item.missing for item in pending)
        next_one = "Now somebody else has to sign." if missing else "It can go out now."
        return Notice(text=f"{name} has signed.", hint=next_one)

    def publish(self, key: Key, digest: str) -> Notice:
        """Publish the proposal that was shown and signed.

        Raises:
            IssuerError: It has changed, a signature is missing, or the key may not
                sign.
        """
        machine = self._signer(key)
        with self.folder.locked():
            now = published(self.folder)
            _check_seen(signing.pending(self.folder, now), now, digest)
            done = publishing.publish(self.folder, now, machine, epoch_s=self.epoch_s)
        hint = "Providers who fetch it themselves have it soon; others need a stick."
        if done.keeps_staged:
            hint += " Entries that were staged after the proposal are still staged."
        return Notice(text=f"Number {done.sequence} is published.", hint=hint)

    def renew(self, key: Key) -> Notice:
        """Confirm with a new timestamp that the published data is the newest.

        Raises:
            IssuerError: Nothing is published, or the key may not sign.
        """
        machine = self._signer(key)
        with self.folder.locked():
            now = published(self.folder)
            publishing.renew(self.folder, now, machine, epoch_s=self.epoch_s)
        return Notice(text="The published set is confirmed as the newest.")

    def make_key(self, place: Path, name: str, passphrase: str) -> Notice:
        """Make a key for a holder, as two files in a folder.

        Raises:
            IssuerError: The name or passphrase is not allowed, or a file exists.
        """
        md.check_name(name)
        file = place / f"{name}.key"
        keyfiles.check_new(file)
        private, public = made_key(name, passphrase)
        keyfiles.keep(file, private, public)
        given = keyfiles.public_file_of(file).name
        return Notice(
            text=f"The key of {name} is made.",
            hint=f"{file.name} stays with its holder, as does the passphrase, which "
            f"cannot be recovered. {given} goes to those who look after the program.",
        )

    def _signer(self, key: Key) -> Signer:
        """Return a signer with a key, which may be in a token.

        Raises:
            IssuerError: The key cannot be opened.
        """
        if not is_token(key.data):
            return opened_key(key.data, key.passphrase)
        if self.library is None:
            raise IssuerError(
                f"the key is in the token {label_of(key.data)!r}, and this page was "
                "started without tokens",
                hint="Start it again, and name the library of the token's maker: "
                "'uploadfilter issuer page --pkcs11'.",
            )
        return opened_token(key.data, self.library, key.passphrase)

    def withdrawable(self, ids: Sequence[str]) -> Withdrawable:
        """Describe the effect of a withdrawal.

        Raises:
            IssuerError: An id is not in the set, or there are too many for a day.
        """
        with self.folder.locked():
            return publishing.withdrawable(
                self.folder, published(self.folder), ids, epoch_s=self.epoch_s
            )

    def withdraw(self, ids: Sequence[str], officer: Key, machine: Key) -> Notice:
        """Withdraw entries at once.

        Raises:
            IssuerError: An id is not in the set, there are too many, or a key is wrong.
        """
        signer = self._signer(officer)
        online = self._signer(machine)
        with self.folder.locked():
            count, listed = publishing.withdraw(
                self.folder,
                published(self.folder),
                ids,
                officer=signer,
                machine=online,
                epoch_s=self.epoch_s,
            )
        gone = counted(count, "entry is", "entries are")
        whole = counted(listed, "entry", "entries")
        if not ids:
            return Notice(text=f"The list of withdrawals is renewed: {whole}.")
        return Notice(
            text=f"{gone} withdrawn.",
            hint=f"The list of withdrawals has {whole} now. Providers who fetch it "
            "themselves put it out of force with their next look; others need a stick.",
        )

    def export(self, to: Path) -> Notice:
        """Copy the signed set into a folder.

        Raises:
            IssuerError: Nothing is published, or the folder cannot be written.
        """
        with self.folder.locked():
            now = published(self.folder)
            size = publishing.export(self.folder, now, to)
        return Notice(
            text=f"Number {now.sequence} is in {shown(to)}: {size / 1e6:,.1f} MB.",
            hint="Signatures keep a set from being changed, but not from being "
            "read: encrypt the stick.",
        )


async def _built(
    job: Job, source: Path, work: Callable[[], Coroutine[None, None, None]]
) -> bool:
    """Build until the end, or until the job is stopped; tell whether it has ended."""
    loop = asyncio.get_running_loop()
    over = threading.Event()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(count_files, job, source, over))
            building = group.create_task(work())
            # Called from the thread of the page, to stop the loop of this thread.
            job.on_stop(partial(loop.call_soon_threadsafe, building.cancel))
            building.add_done_callback(lambda _: over.set())
    except BaseExceptionGroup as exc:
        raise exc.exceptions[0] from None
    finally:
        job.on_stop(lambda: None)
    return not building.cancelled()


def _waiting(item: PendingSignature) -> WaitingRole:
    return WaitingRole(
        role=item.role, by=item.by, others=item.others, missing=item.missing
    )


def _digest(pending: Sequence[PendingSignature], now: Published) -> str:
    found = hashlib.sha256(repr(sorted(now.versions.items())).encode())
    for item in pending:
        found.update(hashlib.sha256(item.metadata.signed_bytes).digest())
    return found.hexdigest()


def _check_seen(
    pending: Sequence[PendingSignature], now: Published, digest: str
) -> None:
    if _digest(pending, now) != digest:
        raise IssuerError(
            "the proposal is not the one that was shown: somebody has changed it",
            hint="Nothing was signed or published. Read the proposal as it is now.",
        )
