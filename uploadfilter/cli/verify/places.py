"""Find the decision logs, reports and proofs in what a person names.

Rules this module keeps: what a person named and what cannot be read is an error, never
left out; a file that has the ending of a report or proof is taken for one.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from uploadfilter.backup import SET_ASIDE
from uploadfilter.decisions.files.ending import kept_end
from uploadfilter.decisions.files.segments import packed, segments
from uploadfilter.decisions.files.treefiles import PUBLIC_KEY_FILE, TREE_FOLDER
from uploadfilter.decisions.tree.proofs import FIRST_LINE
from uploadfilter.decisions.tree.tiles import CHECKPOINT_NAME
from uploadfilter.errors import UsageError

ENDINGS: Final = frozenset({".html", ".pdf", ".csv"})
"""Endings of the names of reports."""

PROOF_ENDING: Final = ".tlog-proof"
"""The ending of the name of a proof."""

_LOG: Final = "log"
_INSTANCES: Final = "instances"
_OF_TREE: Final = (CHECKPOINT_NAME, PUBLIC_KEY_FILE)


@dataclass(slots=True, kw_only=True)
class Places:
    """The logs, reports and proofs to check."""

    logs: list[Path] = field(default_factory=list)
    reports: list[Path] = field(default_factory=list)
    proofs: list[Path] = field(default_factory=list)


def find_places(paths: Sequence[Path]) -> Places:
    """Return the logs, reports and proofs in some paths, each once."""
    places = Places()
    for path in paths:
        found = _find(path)
        if not (found.logs or found.reports or found.proofs):
            raise UsageError(
                f"there is no decision log, report or proof in {str(path)!r}",
                hint="Name the folder of a log (with files such as "
                "00000001-20261125.jsonl), a folder above it, or a report.",
            )
        places.logs += found.logs
        places.reports += found.reports
        places.proofs += found.proofs
    return Places(
        logs=_each_once(places.logs),
        reports=_each_once(places.reports),
        proofs=_each_once(places.proofs),
    )


def instance_of(log: Path) -> str | None:
    """Return the name of the proxy by the place of its log; ``None`` elsewhere."""
    place = log.resolve()
    is_placed = place.name == _LOG and place.parent.parent.name == _INSTANCES
    return place.parent.name if is_placed else None


def _find(path: Path) -> Places:
    if not path.is_dir():
        if not path.exists():
            raise _unreadable(path, "No such file or directory")
        return Places(proofs=[path]) if _is_proof(path) else Places(reports=[path])
    if _is_log(path):
        return Places(logs=[path])
    found = Places()
    for folder, names, files in os.walk(path, onerror=_refuse):
        paths = (Path(folder, name) for name in sorted(names))
        inside = [it for it in paths if not _is_set_aside(it)]
        logs = [it for it in inside if _is_log(it)]
        found.logs += logs
        names[:] = [it.name for it in inside if it not in logs]
        found.reports += [
            Path(folder, name)
            for name in sorted(files)
            if Path(name).suffix.lower() in ENDINGS and Path(folder, name).is_file()
        ]
        found.proofs += [
            Path(folder, name) for name in sorted(files) if name.endswith(PROOF_ENDING)
        ]
    return found


def _is_proof(path: Path) -> bool:
    if path.name.endswith(PROOF_ENDING):
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(FIRST_LINE)) == FIRST_LINE.encode()
    except OSError as exc:
        raise _unreadable(path, exc.strerror) from exc


def _is_log(path: Path) -> bool:
    """Return whether a folder is a log, even one that has lost all its records."""
    return (
        instance_of(path) is not None
        or any((path / TREE_FOLDER / name).exists() for name in _OF_TREE)
        or kept_end(path) is not None
        or bool(segments(path) or packed(path))
    )


def _is_set_aside(path: Path) -> bool:
    """Return whether a restore put this old tree beside its log, which has the records.

    Anything else of that name is looked into: records must not hide there.
    """
    return (
        path.name == SET_ASIDE
        and instance_of(path.with_name(_LOG)) is not None
        and path.with_name(_LOG).is_dir()
        and not (segments(path) or packed(path))
    )


def _each_once(paths: Sequence[Path]) -> list[Path]:
    found: dict[Path, Path] = {}
    for path in paths:
        found.setdefault(path.resolve(), path)
    return list(found.values())


def _refuse(exc: OSError) -> None:
    raise _unreadable(Path(os.fsdecode(exc.filename)), exc.strerror) from exc


def _unreadable(path: Path, why: str | None) -> UsageError:
    return UsageError(
        f"cannot read {str(path)!r}: {why}",
        hint="Check the path, and that this user may read it.",
    )
