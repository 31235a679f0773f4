"""Render the issuer's page, and return its style sheets, script and icon.

The design is that of the operator's page, whose style sheet comes first. Rules this
module keeps: everything is escaped; this module has no data of any picture, except the
names of files that somebody should look at.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2

from uploadfilter.issuing import holding, signing
from uploadfilter.issuing.acts import FolderState, Notice
from uploadfilter.issuing.building import WORDS, LeftOut
from uploadfilter.issuing.folder import file_errors
from uploadfilter.issuing.keys import LEAST_PASSPHRASE
from uploadfilter.issuing.leftout import ListedFile, list_beside, shown_files
from uploadfilter.issuing.page.folders import mark
from uploadfilter.issuing.page.hints import ROLES
from uploadfilter.issuing.publishing import Withdrawable
from uploadfilter.issuing.signing import PendingSignature
from uploadfilter.issuing.steps import Act, Step, due, offered, places
from uploadfilter.issuing.wording import (
    counted,
    entries,
    missing,
    moment,
    needed,
    review_heading,
    review_lines,
    shown,
)
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets.roles import (
    DAY_S,
    GATHERED,
    HASHSET,
    REVOKE,
    ROOT,
    TARGETS,
    TIMESTAMP,
    Lifetimes,
    most_withdrawn_a_day,
)
from uploadfilter.web.serving import SHARED

STATIC: Final[Mapping[str, tuple[str, str]]] = {
    **SHARED,
    "issuer.css": ("uploadfilter.issuing.page", "text/css"),
    "issuer.js": ("uploadfilter.issuing.page", "text/javascript"),
}
"""The files beside the page: the package that each is in, and its media type."""

TITLES: Final[Mapping[Step, str]] = {
    Step.PICTURES: "Pictures",
    Step.PREVIEW: "Preview",
    Step.SIGN: "Signatures",
    Step.PUBLISH: "Publish",
}

_MOST_FILES: Final = 200
"""Files of a build that the page names."""

_SOON: Final = 0.25
"""Share of the validity: with less than this left, a renewal is due; of a month, a
week."""

_ROTATE: Final = "those who look after the program, by 'uploadfilter issuer rotate'"
_CONFIRM: Final = "confirm it below; a timer should do it"

DUE: Final[Mapping[str, str]] = {
    ROOT: _ROTATE,
    TARGETS: _ROTATE,
    HASHSET: "propose a longer validity on the page 'New set'",
    REVOKE: "renew the list on the page 'Withdraw'",
    GATHERED: _CONFIRM,
    TIMESTAMP: _CONFIRM,
}
"""The act that is due before the signatures of a role end."""

Values = Mapping[str, object]
"""The values for a template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLayout:
    """The parts that every page has."""

    set: str
    issuer: str
    form: str
    notes: Sequence[Notice]
    takes_tokens: bool

    @property
    def is_refused(self) -> bool:
        """Whether an act was not done; a screen reader reads the title first."""
        return any(not note.is_good for note in self.notes)


def page(name: str, frame: PageLayout | None, **values: object) -> str:
    """Render one of the templates."""
    return _templates().get_template(f"{name}.html").render(frame=frame, **values)


def way(seen: FolderState, source: Path | None, category: str) -> Values:
    """Return the values for the page with the steps."""
    found = places(seen.situation).items()
    return {
        "seen": seen,
        "steps": [(TITLES[step], place) for step, place in found],
        "due": due(seen.situation),
        "offered": offered(seen.situation),
        "source": "" if source is None else shown(source),
        "category": category,
        "summary": None if seen.finished is None else seen.finished.summary,
        "list": None if seen.finished is None else list_beside(seen.finished.path),
        "files": () if seen.finished is None else _files(seen.finished.path),
        "most_files": _MOST_FILES,
    }


def _files(built: Path) -> list[ListedFile]:
    with file_errors(built):
        return shown_files(list_beside(built), tuple(WORDS.values()), _MOST_FILES)


def withdrawing(seen: FolderState, asked: Withdrawable | None) -> Values:
    """Return the values for the page of withdrawals."""
    hashset = seen.now.hashset
    entries = 0 if hashset is None else hashset.manifest.entries
    return {
        "entries_now": entries,
        "most": most_withdrawn_a_day(entries),
        "left": seen.left_today,
        "until": seen.now.expires.get(REVOKE, 0),
        "asked": asked,
        "offered": offered(seen.situation),
    }


def copying(seen: FolderState, stick: Path | None) -> Values:
    """Return the values for the page of the stick."""
    return {
        "sequence": seen.now.sequence,
        "stick": "" if stick is None else shown(stick),
        "offered": offered(seen.situation),
    }


def keeping(seen: FolderState, place: Path | None) -> Values:
    """Return the values for the page of keys."""
    return {
        "place": "" if place is None else shown(place),
        "least": LEAST_PASSPHRASE,
        "offered": offered(seen.situation),
    }


def state(seen: FolderState, lifetimes: Lifetimes, epoch_s: float) -> Values:
    """Return the values for the page of the status."""
    now = seen.now
    days = _days(lifetimes)
    held = {} if now.root is None else holding.holders_now(now)
    rows = [
        {
            "role": role,
            "version": now.versions[role],
            "ends": at,
            "is_over": at <= epoch_s,
            "is_soon": at - epoch_s < DAY_S * days[role] * _SOON,
            "due": DUE[role],
            "threshold": held[role].threshold,
            "names": [md.name_of(key) for key in held[role].keys],
        }
        for role, at in sorted(now.expires.items(), key=lambda item: item[1])
    ]
    hashset = now.hashset
    return {
        "seen": seen,
        "rows": rows,
        "entries_now": 0 if hashset is None else hashset.manifest.entries,
        "categories": {} if hashset is None else hashset.manifest.categories,
        "offered": offered(seen.situation),
    }


def _days(lifetimes: Lifetimes) -> Mapping[str, int]:
    return {
        ROOT: lifetimes.root,
        TARGETS: lifetimes.targets,
        HASHSET: lifetimes.hashset,
        REVOKE: lifetimes.revoke,
        GATHERED: lifetimes.online,
        TIMESTAMP: lifetimes.online,
    }


def _holders(pending: Sequence[PendingSignature]) -> list[tuple[str, int, list[str]]]:
    named = {
        role: (role, held.threshold, [md.name_of(key) for key in held.keys])
        for item in pending
        for role, held in signing.named_in(item).items()
    }
    return [named[role] for role in ROLES if role in named]


def _refusal(value: str) -> str:
    return WORDS[LeftOut(value)] if value in set(LeftOut) else value


def _role(role: str) -> str:
    words = ROLES.get(role, role)
    return words[:1].upper() + words[1:]


def _share(count: int, counts: Mapping[str, Any]) -> str:
    """Return the width of a bar in percent of the longest one."""
    most = max(max(it) if isinstance(it, tuple) else it for it in counts.values())
    return f"{100 * count / most:.1f}" if most else "0"


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("uploadfilter.issuing.page", "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., object]] = {
        "counted": counted,
        "entries": entries,
        "moment": moment,
        "refusal": _refusal,
        "role": _role,
        "share": _share,
        "shown": shown,
        "mark": mark,
        "holders": _holders,
        "missing": missing,
        "needed": needed,
        "review_heading": review_heading,
        "review_lines": review_lines,
    }
    environment.filters.update(filters)
    environment.globals.update(Act=Act, Step=Step)
    return environment
