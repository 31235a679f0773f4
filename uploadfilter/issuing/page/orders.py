"""What a form asks for: a job, and what does it.

Rules this module keeps: what a form lacks is said before anything begins; a key and its
passphrase go from the form into the job, and are kept nowhere.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from uploadfilter.errors import UsageError
from uploadfilter.hashsets.jsonlines import is_category
from uploadfilter.issuing.page import folders, forms
from uploadfilter.issuing.page.acts import Acts, Key, Seen
from uploadfilter.issuing.page.steps import Act, Step, due
from uploadfilter.issuing.page.work import Job, Note
from uploadfilter.issuing.publishing import Withdrawable

WAY: Final = "/"
WITHDRAW: Final = "/withdraw"
STICK: Final = "/stick"
STATUS: Final = "/status"
"""The pages to which people come back."""

BACK: Final = {
    f"/act/{Act.WITHDRAW}": WITHDRAW,
    f"/act/{Act.EXPORT}": STICK,
    f"/act/{Act.RENEW}": STATUS,
}
"""By where a form is sent, the page on which it stands; of others it is the way."""

Work = tuple[Job, Callable[[Job], Note | None]]
"""A job, and what does it in a thread."""


class Orders:
    """Makes jobs of forms, and keeps what people have chosen so far.

    Args:
        acts: Does what is asked for.

    Attributes:
        source: The folder of pictures that was chosen.
        category: What was typed as the category of all of them.
        stick: The folder to which the set is copied.
        withdrawable: What the withdrawal that was asked for would do.
    """

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self.source: Path | None = None
        self.category = ""
        self.stick: Path | None = None
        self.withdrawable: Withdrawable | None = None
        self._making: dict[Act, Callable[[forms.Fields, Seen], Work]] = {
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
        }

    def made(self, act: Act, found: forms.Fields, seen: Seen) -> Work:
        """Return the job that a form asks for.

        Args:
            act: Which act it is a form of.
            found: Its fields.
            seen: What is in the folder.

        Raises:
            UsageError: Something is missing in the form.
        """
        return self._making[act](found, seen)

    def look_up(self, found: forms.Fields) -> Work | None:
        """Return the job that looks up what is to be withdrawn; ``None`` if nothing is.

        Raises:
            UsageError: No id was typed.
        """
        self.withdrawable = None
        if "back" in found:
            return None
        ids = _ids(found)

        def look(_: Job) -> None:
            self.withdrawable = self._acts.withdrawable(ids)

        return _job("Looking the entries up", WITHDRAW), look

    def _build(self, found: forms.Fields, _: Seen) -> Work:
        source, category = self.source, None
        if forms.text(found, "naming") == "one":
            category = self.category = forms.text(found, "category")
            if not is_category(category):
                raise UsageError(
                    f"{category!r} cannot be a category",
                    hint="Type the word or number by which providers know it.",
                )
        if source is None:
            raise UsageError("no folder was chosen", hint="Choose a folder first.")
        folders.check(source)
        job = Job("Reading the pictures", can_be_stopped=True, back=WAY)
        return job, lambda job: self._acts.build(job, source, category)

    def _discard(self, _: forms.Fields, __: Seen) -> Work:
        return _job("Forgetting what was read", WAY), lambda _: self._acts.discard()

    def _propose(self, found: forms.Fields, seen: Seen) -> Work:
        is_whole = due(seen.situation) is Step.PREVIEW and (
            forms.text(found, "extent") == "whole"
        )

        def run(_: Job) -> Note:
            note = self._acts.propose(is_whole=is_whole)
            self.source, self.category = None, ""
            return note

        return _job("Making the proposal", WAY), run

    def _remove(self, found: forms.Fields, _: Seen) -> Work:
        ids = _ids(found)
        return _job("Making the proposal", WAY), lambda _: self._acts.remove(ids)

    def _forget(self, _: forms.Fields, __: Seen) -> Work:
        return _job("Forgetting the proposal", WAY), lambda _: self._acts.forget()

    def _sign(self, found: forms.Fields, _: Seen) -> Work:
        key, digest = _key(found, "key"), forms.text(found, "seen")
        return _job("Signing", WAY), lambda _: self._acts.sign(key, digest)

    def _publish(self, found: forms.Fields, _: Seen) -> Work:
        key, digest = _key(found, "machine"), forms.text(found, "seen")
        return _job("Publishing", WAY), lambda _: self._acts.publish(key, digest)

    def _withdraw(self, found: forms.Fields, _: Seen) -> Work:
        ids = forms.lines(found, "ids")
        officer, machine = _key(found, "key"), _key(found, "machine")

        def run(_: Job) -> Note:
            note = self._acts.withdraw(ids, officer, machine)
            self.withdrawable = None
            return note

        return _job("Withdrawing", WITHDRAW), run

    def _renew(self, found: forms.Fields, _: Seen) -> Work:
        key = _key(found, "machine")
        return _job("Confirming", STATUS), lambda _: self._acts.renew(key)

    def _export(self, _: forms.Fields, __: Seen) -> Work:
        to = self.stick
        if to is None:
            raise UsageError("no folder was chosen", hint="Choose the stick first.")
        folders.check(to)
        return _job("Copying", STICK), lambda _: self._acts.export(to)


def _job(title: str, back: str) -> Job:
    return Job(title, can_be_stopped=False, back=back)


def _ids(found: forms.Fields) -> tuple[str, ...]:
    ids = forms.lines(found, "ids")
    if not ids:
        raise UsageError("no id was typed", hint="Type one id a line.")
    return ids


def _key(found: forms.Fields, name: str) -> Key:
    data = found.get(name, b"")
    if not data:
        raise UsageError(
            "no key was chosen",
            hint="Choose the file of the key, and type its passphrase.",
        )
    try:
        passphrase = found.get(f"{name}_passphrase", b"").decode()
    except UnicodeDecodeError as exc:
        raise UsageError(
            "the passphrase is no text", hint="Type it as it was typed at first."
        ) from exc
    return Key(data=data, passphrase=passphrase)
