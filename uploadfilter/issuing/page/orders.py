"""Carry out the order of a form, if the page offers it.

All of this blocks, and runs in threads. Rules this module keeps: an act that is not
offered in this state of the folder is refused; missing fields of a form are reported
before anything begins; a key and its passphrase go from the form into the act, and are
not kept.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from uploadfilter.errors import IssuerError, UsageError
from uploadfilter.hashsets.lines.rows import is_category
from uploadfilter.issuing import keys, picturing
from uploadfilter.issuing.acts import Acts, Notice, keep_key
from uploadfilter.issuing.building import BuildFile, Naming
from uploadfilter.issuing.generic import KnownGoodCheck, known_good_check
from uploadfilter.issuing.page import folders, forms
from uploadfilter.issuing.page.work import Job, count_files
from uploadfilter.issuing.publishing import Withdrawable
from uploadfilter.issuing.steps import Act, offered
from uploadfilter.issuing.tables import read_table
from uploadfilter.issuing.tokens import open_signer
from uploadfilter.issuing.wording import counted, entries
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.signedsets.metadata import check_name

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

WAY: Final = "/"
WITHDRAW: Final = "/withdraw"
STICK: Final = "/stick"
STATUS: Final = "/status"
KEYS: Final = "/keys"
"""The pages that people come back to."""

BACK: Final = {
    f"/act/{Act.WITHDRAW}": WITHDRAW,
    f"/act/{Act.EXPORT}": STICK,
    f"/act/{Act.RENEW}": STATUS,
    f"/act/{Act.KEY}": KEYS,
}
"""For each form, its page; other forms belong to the page of the steps."""

TITLES: Final = {
    Act.BUILD: "Reading the pictures",
    Act.DISCARD: "Deleting the results",
    Act.PROPOSE: "Making the proposal",
    Act.REMOVE: "Making the proposal",
    Act.FORGET: "Deleting the proposal",
    Act.SIGN: "Signing",
    Act.PUBLISH: "Publishing",
    Act.WITHDRAW: "Withdrawing",
    Act.RENEW: "Confirming",
    Act.EXPORT: "Copying",
    Act.KEY: "Making the key",
}
"""The title that people see while an act runs."""


class Orders:
    """Carries out forms, and keeps the choices that people have made so far.

    Args:
        acts: The acts on the issuer's folder.
        scanners: Settings of the scanners.
        library: The PKCS#11 library of tokens; ``None`` if there is none. A form never
            names it, because it is loaded into this process.

    Attributes:
        acts: The acts on the issuer's folder.
        library: As above.
        source: The folder of pictures that was chosen.
        category: The category that was typed for all of them.
        stick: The folder to which the set is copied.
        keys: The folder in which a key is made.
        withdrawable: The effect of the withdrawal that was asked for.
    """

    def __init__(
        self, acts: Acts, scanners: ScannerSettings, library: Path | None
    ) -> None:
        self.acts = acts
        self._scanners = scanners
        self.library = library
        self.source: Path | None = None
        self.category = ""
        self.stick: Path | None = None
        self.keys: Path | None = None
        self.withdrawable: Withdrawable | None = None
        self._doing: dict[Act, Callable[[forms.Fields, Job], Notice]] = {
            Act.BUILD: self._build,
            Act.DISCARD: self._discard,
            Act.PROPOSE: self._propose,
            Act.REMOVE: self._remove,
            Act.FORGET: self._forget,
            Act.SIGN: self._sign,
            Act.PUBLISH: self._publish,
            Act.WITHDRAW: self._withdraw,
            Act.RENEW: self._renew,
            Act.EXPORT: self._export,
            Act.KEY: self._key,
        }

    def job(self, act: Act) -> Job:
        """Return the job of an act."""
        back = BACK.get(f"/act/{act}", WAY)
        return Job(TITLES[act], can_be_stopped=act is Act.BUILD, back=back)

    def do(self, act: Act, found: forms.Fields, job: Job) -> Notice:
        """Carry out the order of a form.

        Raises:
            IssuerError: The act is not offered, or cannot be done.
            UsageError: A field is missing in the form.
            HashSetError: The built lines cannot be read.
            ScannerError: No scanner can be started.
        """
        if act not in offered(self.acts.look(reads=False).situation):
            raise IssuerError(
                "this cannot be done now: the folder has changed since the page was "
                "shown",
                hint="See the page as it is now.",
            )
        return self._doing[act](found, job)

    def take(self, place: Path, back: str) -> None:
        """Take over the folder that was chosen."""
        if back == STICK:
            self.stick = place
        elif back == KEYS:
            self.keys = place
        else:
            self.source = place

    def look_up(self, found: forms.Fields) -> None:
        """Look up the entries of a withdrawal, so that an officer can confirm it."""
        self.withdrawable = None
        if "back" not in found:
            self.withdrawable = self.acts.withdrawable(_ids(found))

    def _build(self, found: forms.Fields, job: Job) -> Notice:
        source, category, table = self.source, None, None
        naming = forms.text(found, "naming")
        if naming == "table":
            table = folders.typed_file(forms.text(found, "table"))
        if naming == "one":
            category = self.category = forms.text(found, "category")
            if not is_category(category):
                raise UsageError(
                    f"{category!r} cannot be a category",
                    hint="Type the word or number by which providers know it.",
                )
        if source is None:
            raise UsageError("no folder was chosen", hint="Choose a folder first.")
        folders.check(source)
        known_good = None
        if forms.text(found, "leave_out"):
            corpus = forms.text(found, "corpus")
            paths = (folders.typed_file(corpus),) if corpus else ()
            known_good = known_good_check(paths, leaves_out=True)
        return self._build_into(job, source, category, table, known_good)

    def _build_into(
        self,
        job: Job,
        source: Path,
        category: str | None,
        table: Path | None,
        known_good: KnownGoodCheck | None,
    ) -> Notice:
        rows = None if table is None else read_table(table)
        builds = self.acts.builds
        corpora = () if known_good is None else known_good.corpora
        path = builds.place(source, str(table) if table else category, corpora)
        with closing(BuildFile(path)) as out:
            work = partial(
                picturing.build,
                source,
                out,
                Naming(category=category, table=rows),
                self._scanners,
                on_done=job.advance,
                known_good=known_good,
            )
            if not asyncio.run(_built(job, source, work)):
                return Notice(
                    text=f"Stopped after {counted(job.done, 'file')}.",
                    hint="Nothing is lost: begin again with the same folder, and it "
                    "goes on from there.",
                )
            builds.note(path, out.built)
            out.finish()
        without = 0 if rows is None else len(list(rows.lines_without(out.built.rows)))
        missing = counted(without, "row of the table has", "rows of the table have")
        return Notice(
            text=f"The pictures were read: {entries(out.built.entries)}.",
            hint=f"{missing} no picture." if without else "",
        )

    def _discard(self, _: forms.Fields, __: Job) -> Notice:
        self.acts.builds.discard()
        return Notice(text="The results were deleted. The pictures are unchanged.")

    def _propose(self, found: forms.Fields, _: Job) -> Notice:
        finished = self.acts.builds.finished
        done = self.acts.propose(
            None if finished is None else finished.path,
            is_whole=forms.text(found, "extent") == "whole",
        )
        self.source, self.category = None, ""
        return done.notice

    def _remove(self, found: forms.Fields, _: Job) -> Notice:
        self.acts.stage_removal(_ids(found))
        return self.acts.propose().notice

    def _forget(self, _: forms.Fields, __: Job) -> Notice:
        return self.acts.forget()

    def _sign(self, found: forms.Fields, _: Job) -> Notice:
        signer = self._signer(found, "key")
        return self.acts.sign([signer], forms.text(found, "seen"))

    def _publish(self, found: forms.Fields, _: Job) -> Notice:
        machine = self._signer(found, "machine")
        return self.acts.publish(machine, forms.text(found, "seen"))

    def _withdraw(self, found: forms.Fields, _: Job) -> Notice:
        officer, machine = self._signer(found, "key"), self._signer(found, "machine")
        note = self.acts.withdraw(forms.lines(found, "ids"), officer, machine)
        self.withdrawable = None
        return note

    def _renew(self, found: forms.Fields, _: Job) -> Notice:
        return self.acts.renew(self._signer(found, "machine"))

    def _export(self, _: forms.Fields, __: Job) -> Notice:
        if self.stick is None:
            raise UsageError("no folder was chosen", hint="Choose the stick first.")
        folders.check(self.stick)
        return self.acts.export(self.stick)

    def _key(self, found: forms.Fields, _: Job) -> Notice:
        if self.keys is None:
            raise UsageError("no folder was chosen", hint="Choose one first.")
        folders.check(self.keys)
        passphrase = _passphrase(found, "passphrase")
        if passphrase != _passphrase(found, "again"):
            raise UsageError(
                "the two passphrases differ", hint="Type the same one twice."
            )
        name = forms.text(found, "name")
        # Before it becomes a part of a path.
        check_name(name)
        file = self.keys / f"{name}.key"
        keys.check_new(file)
        return keep_key(file, name, *keys.made_key(name, passphrase))

    def _signer(self, found: forms.Fields, name: str) -> "Signer":
        data = found.get(name, b"")
        if not data:
            raise UsageError(
                "no key was chosen",
                hint="Choose the file of the key, and type its passphrase.",
            )
        passphrase = _passphrase(found, f"{name}_passphrase")
        return open_signer(data, self.library, lambda _: passphrase)


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


def _ids(found: forms.Fields) -> tuple[str, ...]:
    ids = forms.lines(found, "ids")
    if not ids:
        raise UsageError("no id was typed", hint="Type one id on each line.")
    return ids


def _passphrase(found: forms.Fields, name: str) -> str:
    """Return a passphrase exactly as it was typed, with its blanks."""
    try:
        return found.get(name, b"").decode()
    except UnicodeDecodeError as exc:
        raise UsageError(
            "the passphrase is not text", hint="Type it as it was typed at first."
        ) from exc
