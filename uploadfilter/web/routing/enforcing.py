"""Find routes in ENFORCE that would reject no match at all, and the cause.

An operator who asks for ENFORCE never wants this, and the answers do not show it: a
listed picture passes like any other one. So it is reported everywhere: by ``config
check``, at the start, by ``/readyz``, in metrics and on the operator's page.

Rules this module keeps: it is pure; its finding about a route is true of every upload
on the route, and follows from the same policy that decides.

To add a lack, add a member of ``Lack``, its words in ``WORDS`` with the remedy in
``WHAT_TO_DO``, and the condition in ``_lack_of``. A test fails until
``docs/operating/night.md`` explains it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from uploadfilter.decisions.policy import Policy, strictest
from uploadfilter.model import Action, Mode
from uploadfilter.reference.entries.countable import Countable
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.web.routing.routes import DEFAULT_ROUTE, Route


class Lack(StrEnum):
    """Why no match is rejected, although ENFORCE was asked for."""

    ROUTES = "routes"
    ENTRIES = "entries"
    MONITORED = "monitored"
    WITHDRAWN = "withdrawn"
    SIGNALS = "signals"
    POLICY = "policy"


WORDS: Final[Mapping[Lack, str]] = {
    Lack.ROUTES: "every route is in MONITOR or exempt, though the file asks for "
    "ENFORCE",
    Lack.ENTRIES: "the reference set has no entries",
    Lack.MONITORED: "every hash set is only monitored",
    Lack.WITHDRAWN: "every entry that might reject is suppressed or revoked",
    Lack.SIGNALS: "no entry has a signal that rejects by itself, or a pair that does",
    Lack.POLICY: "the policy accepts a match of every category that is enforced",
}
"""For people, after "ENFORCE rejects no match: "."""

WHAT_TO_DO: Final[Mapping[Lack, str]] = {
    Lack.ROUTES: 'Set mode = "enforce" in the routes that should reject, or mode = '
    '"monitor" at the top of the file.',
    Lack.ENTRIES: "Import a hash set: 'uploadfilter hashset import'.",
    Lack.MONITORED: "Run 'uploadfilter hashset enforce NAME' for each hash set that "
    "should reject.",
    Lack.WITHDRAWN: "See 'uploadfilter hashset list --off', or import another hash "
    "set.",
    Lack.SIGNALS: "Ask the issuer for digests or PDQ values, or set near_match = "
    '"reject" in [policy].',
    Lack.POLICY: "See categories in [policy]: a category that is not named there is "
    "rejected.",
}


class Enforced(Protocol):
    """An object that knows the entries."""

    @property
    def sets(self) -> Sequence[SetInfo]:
        """The hash sets in force."""

    def countable(
        self, sets: Collection[str] | None = None, *, also_withdrawn: bool = False
    ) -> Countable:
        """Return the categories whose entries count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneSet:
    """One hash set of a generation, as if there were no other."""

    generation: Enforced
    name: str

    @property
    def sets(self) -> Sequence[SetInfo]:
        """The hash set."""
        return [info for info in self.generation.sets if info.name == self.name]

    def countable(
        self, sets: Collection[str] | None = None, *, also_withdrawn: bool = False
    ) -> Countable:
        """Return the categories whose entries count; none if it is only monitored."""
        if sets is None:
            sets = [info.name for info in self.sets if info.enforced]
        return self.generation.countable(sets, also_withdrawn=also_withdrawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unenforced:
    """A route that should reject matches, and rejects none.

    Attributes:
        route: Its name.
        lack: The cause.
    """

    route: str
    lack: Lack

    @property
    def words(self) -> str:
        """The problem, for people."""
        return f"route {self.route!r}: ENFORCE rejects no match: {WORDS[self.lack]}"

    @property
    def to_do(self) -> str:
        """The remedy, for people."""
        remedy = WHAT_TO_DO[self.lack]
        if self.lack is Lack.MONITORED:
            remedy += ' Or set mode = "monitor" until the pilot is over.'
        return remedy


def enforcing(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Return the routes that reject, except those that no request can take."""
    found: list[Route] = []
    earlier: list[Route] = []
    for route in routes:
        is_taken = not any(it.covers(route) for it in earlier)
        if is_taken and route.mode is Mode.ENFORCE and not route.exempt:
            found.append(route)
        earlier.append(route)
    return tuple(found)


def unenforced(
    routes: Iterable[Route], *, mode: Mode, generation: Enforced
) -> tuple[Unenforced, ...]:
    """Return the routes that should reject matches, and reject none.

    Args:
        routes: The routes in force, in their order.
        mode: The mode at the top of the file, for routes that name none.
        generation: The generation of the reference set.
    """
    found = enforcing(routes)
    if not found and mode is Mode.ENFORCE:
        return (Unenforced(route=DEFAULT_ROUTE, lack=Lack.ROUTES),)
    return tuple(_lacking(found, generation))


def _lacking(routes: Iterable[Route], generation: Enforced) -> Iterator[Unenforced]:
    for route in routes:
        lack = lack_of(route.policy, generation)
        if lack is not None:
            yield Unenforced(route=route.name, lack=lack)


def lack_of(policy: Policy, generation: Enforced) -> Lack | None:
    """Return why a policy rejects no match in ENFORCE; ``None`` if it rejects some.

    Args:
        policy: Maps category and reason to action.
        generation: The generation of the reference set. Reading it may take a second.
    """
    sets = [info for info in generation.sets if info.entries > info.revoked]
    found = generation.countable()
    if _is_rejected(policy, found):
        return None
    if not sets:
        return Lack.ENTRIES
    if not any(info.enforced for info in sets):
        return Lack.MONITORED
    if found == Countable():
        withdrawn = generation.countable(also_withdrawn=True)
        return Lack.WITHDRAWN if _is_rejected(policy, withdrawn) else Lack.SIGNALS
    if found.alone:
        return Lack.POLICY
    return Lack.SIGNALS


def _is_rejected(policy: Policy, found: Countable) -> bool:
    """Tell whether an upload with a match of such a category would not be accepted."""
    actions = [policy.action_for_category(it) for it in found.alone]
    if policy.near_match is not Action.ACCEPT:
        actions += [policy.action_for_category(it) for it in found.weak]
    return strictest(actions) is not Action.ACCEPT
