"""Carry out the order of a form, if the page offers it.

All of this blocks, and runs in threads. Rules this module keeps: an act that is not
offered in this state of the folder is refused; missing fields of a form are reported
before anything begins; a key and its passphrase go from the form into the act, and are
not kept.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from uploadfilter.errors import IssuerError, UsageError
from uploadfilter.hashsets.lines.jsonlines import is_category
from uploadfilter.issuing.generic import known_good_check
from uploadfilter.issuing.page import folders, forms
from uploadfilter.issuing.page.acts import Acts, Key
from uploadfilter.issuing.page.steps import Act, offered
from uploadfilter.issuing.page.work import Job, Notice
from uploadfilter.issuing.publishing import Withdrawable

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
        acts: The acts that the page can do.

    Attributes:
        source: The folder of pictures that was chosen.
        category: The category that was typed for all of them.
        stick: The folder to which the set is copied.
        keys: The folder in which a key is made.
        withdrawable: The effect of the withdrawal that was asked for.
    """

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
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

        Args:
            act: The act that the form orders.
            found: The fields of the form.
            job: Receives the progress.

        Raises:
            IssuerError: The act is not offered, or cannot be done.
            UsageError: A field is missing in the form.
            HashSetError: The built lines cannot be read.
            ScannerError: No scanner can be started.
        """
        if act not in offered(self._acts.situation()):
            raise IssuerError(
                "this cannot be done now: the folder has changed since the page was "
                "shown",
                hint="See the page as it is now.",
            )
        return self._doing[act](found, job)

    def take(self, place: Path, back: str) -> None:
        """Take over the folder that was chosen.

        Args:
            place: The folder.
            back: The page that it was chosen for.
        """
        if back == STICK:
            self.stick = place
        elif back == KEYS:
            self.keys = place
        else:
            self.source = place

    def look_up(self, found: forms.Fields) -> None:
        """Look up the entries of a withdrawal, so that an officer can confirm it.

        Raises:
            IssuerError: An id is not in the set, or there are too many for a day.
            UsageError: No id was typed.
        """
        self.withdrawable = None
        if "back" not in found:
            self.withdrawable = self._acts.withdrawable(_ids(found))

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
        return self._acts.build(
            job, source, category=category, table=table, known_good=known_good
        )

    def _discard(self, _: forms.Fields, __: Job) -> Notice:
        return self._acts.discard()

    def _propose(self, found: forms.Fields, _: Job) -> Notice:
        is_whole = forms.text(found, "extent") == "whole"
        note = self._acts.propose(is_whole=is_whole)
        self.source, self.category = None, ""
        return note

    def _remove(self, found: forms.Fields, _: Job) -> Notice:
        return self._acts.remove(_ids(found))

    def _forget(self, _: forms.Fields, __: Job) -> Notice:
        return self._acts.forget()

    def _sign(self, found: forms.Fields, _: Job) -> Notice:
        return self._acts.sign(_key(found, "key"), forms.text(found, "seen"))

    def _publish(self, found: forms.Fields, _: Job) -> Notice:
        return self._acts.publish(_key(found, "machine"), forms.text(found, "seen"))

    def _withdraw(self, found: forms.Fields, _: Job) -> Notice:
        officer, machine = _key(found, "key"), _key(found, "machine")
        note = self._acts.withdraw(forms.lines(found, "ids"), officer, machine)
        self.withdrawable = None
        return note

    def _renew(self, found: forms.Fields, _: Job) -> Notice:
        return self._acts.renew(_key(found, "machine"))

    def _export(self, _: forms.Fields, __: Job) -> Notice:
        if self.stick is None:
            raise UsageError("no folder was chosen", hint="Choose the stick first.")
        folders.check(self.stick)
        return self._acts.export(self.stick)

    def _key(self, found: forms.Fields, _: Job) -> Notice:
        if self.keys is None:
            raise UsageError("no folder was chosen", hint="Choose one first.")
        folders.check(self.keys)
        passphrase = _passphrase(found, "passphrase")
        if passphrase != _passphrase(found, "again"):
            raise UsageError(
                "the two passphrases differ", hint="Type the same one twice."
            )
        return self._acts.make_key(self.keys, forms.text(found, "name"), passphrase)


def _ids(found: forms.Fields) -> tuple[str, ...]:
    ids = forms.lines(found, "ids")
    if not ids:
        raise UsageError("no id was typed", hint="Type one id on each line.")
    return ids


def _key(found: forms.Fields, name: str) -> Key:
    data = found.get(name, b"")
    if not data:
        raise UsageError(
            "no key was chosen",
            hint="Choose the file of the key, and type its passphrase.",
        )
    return Key(data=data, passphrase=_passphrase(found, f"{name}_passphrase"))


def _passphrase(found: forms.Fields, name: str) -> str:
    """Return a passphrase exactly as it was typed, with its blanks."""
    try:
        return found.get(name, b"").decode()
    except UnicodeDecodeError as exc:
        raise UsageError(
            "the passphrase is not text", hint="Type it as it was typed at first."
        ) from exc
