"""Read the texts of answers: those of the package, replaced by the operator's.

A folder of the operator holds a file for each language, named by its tag (``nl.toml``),
and may hold a page of its own (``answer.html``). For a language of the package, a file
needs only the texts that differ. For another language it must have all texts, because
nobody should read half an answer in a foreign language.

Everything is checked here, when the service starts: no text is missing or unknown, a
text has only its allowed placeholders, and the page can be rendered in every case. So
an answer cannot fail later because of its texts.

To add a language, add its file to ``pages`` with every text of ``en.toml``, and a value
for each of the ``details`` of ``nl.toml``.
"""

import difflib
import re
import string
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

import jinja2

from uploadfilter.errors import ConfigError
from uploadfilter.toml import fault_of
from uploadfilter.web.answering import layouts
from uploadfilter.web.answering.wording import (
    OTHER_STATUS,
    PLACEHOLDERS,
    Catalogue,
    Wording,
    Words,
)

DEFAULT_LANGUAGE: Final = "en"
BUILT_IN: Final = (DEFAULT_LANGUAGE, "nl")
"""The languages of the package, in the order in which they are offered."""

PAGE_FILE: Final = "answer.html"

_Texts: TypeAlias = dict[str, str]
"""Texts by their full name, such as ``status.403.heading``."""

_LANGUAGE_TAG = re.compile(r"[a-z]{2,8}(?:-[a-z0-9]{1,8})*", re.IGNORECASE | re.ASCII)
_STATUS_TEXT = re.compile(r"status\.[45][0-9]{2}\.(?:heading|text)", re.ASCII)
_DIRECTIONS = ("ltr", "rtl")
_DETAILS = "details."
_CONTACT: Final = ("contact.objection", "contact.report")
"""Contacts for readers of one language, in place of those in the settings."""

_SEE_DOCS = "docs/operating/answers.md, 'Texts of answers', names every text."


def load(
    directory: Path | None = None,
    *,
    language: str = DEFAULT_LANGUAGE,
    objection: str = "",
    report: str = "",
    form: str = "",
) -> Wording:
    """Return the texts for clients.

    Args:
        directory: The operator's texts; ``None`` for those of the package alone.
        language: Tag of the language for clients that ask for none of the available
            ones.
        objection: Where to object: an address, a text, or empty.
        report: Where to report pictures of abuse; as ``objection``.
        form: URL of the form for objections, which replaces ``objection`` in answers
            that name a code; empty for none.

    Raises:
        ConfigError: A file cannot be read or used; it names the file, the text, and the
            remedy.
    """
    texts: dict[str, Mapping[str, str]] = {tag: _built_in(tag) for tag in BUILT_IN}
    page_source = ""
    if directory is not None:
        for path in _files(directory):
            if path.name == PAGE_FILE:
                page_source = _read(path)
                continue
            tag = _tag_of(path, texts)
            texts[tag] = _checked(path, texts.get(tag), _flattened(path, _read(path)))
    catalogues = {
        tag: _catalogue(tag, found, objection=objection, report=report)
        for tag, found in texts.items()
    }
    if language not in catalogues:
        raise ConfigError(
            f"language = {language!r} has no texts",
            hint=f"Languages with texts: {', '.join(catalogues)}. Add others in the "
            "directory that texts names.",
        )
    return Wording(
        catalogues=MappingProxyType(catalogues),
        default=language,
        form=form,
        page_source=page_source,
        template=_template(directory, page_source, catalogues, has_form=bool(form)),
    )


def _template(
    directory: Path | None,
    source: str,
    catalogues: Mapping[str, Catalogue],
    *,
    has_form: bool,
) -> jinja2.Template:
    if directory is None or not source:
        return layouts.built_in()
    path = directory / PAGE_FILE
    return layouts.own(path, source, catalogues.values(), has_form=has_form)


@cache
def _built_in(tag: str) -> Mapping[str, str]:
    """Return the package's texts in one language."""
    path = resources.files("uploadfilter.web.answering") / "pages" / f"{tag}.toml"
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return MappingProxyType(dict(_named(document)))


def _files(directory: Path) -> list[Path]:
    """Return the operator's files, without leftovers of editors and mounts."""
    try:
        names = sorted(path.name for path in directory.iterdir())
    except OSError as exc:
        raise ConfigError(
            f"cannot read the texts in {str(directory)!r}: {exc.strerror}",
            hint="Set texts to a directory that this user may read.",
        ) from exc
    return [
        directory / name
        for name in names
        if not name.startswith(".") and not name.endswith("~")
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError(
            f"cannot read {str(path)!r}: {exc.strerror}",
            hint="Check that this user may read the file.",
        ) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(
            f"{path}: not UTF-8 at byte {exc.start}", hint="Save the file as UTF-8."
        ) from exc


def _tag_of(path: Path, known: Mapping[str, object]) -> str:
    """Return the language of a file, in the spelling of a known tag."""
    if path.suffix != ".toml" or not _LANGUAGE_TAG.fullmatch(path.stem):
        raise ConfigError(
            f"{path}: the file is neither LANGUAGE.toml nor {PAGE_FILE}",
            hint="Name a file of texts after its language, such as nl.toml or "
            "pt-BR.toml;"
            " move other files elsewhere.",
        )
    tags = {tag.lower(): tag for tag in known}
    return tags.get(path.stem.lower(), path.stem)


def _flattened(path: Path, text: str) -> _Texts:
    """Return the texts of a file by their full names."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise fault_of(text, exc).in_file(path, see=_SEE_DOCS) from exc
    found: _Texts = {}
    for name, value in _named(document):
        if not isinstance(value, str):
            raise ConfigError(
                f"{path}: {name} = {value!r} is not a text",
                hint=f"Write a text in quotes. {_SEE_DOCS}",
            )
        # A text may extend over several lines of the file, and is one paragraph.
        found[name] = " ".join(value.split())
    return found


def _named(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of nested tables with their full names."""
    for key, value in table.items():
        # The English words of a detail contain full stops of their own.
        if isinstance(value, dict) and prefix != _DETAILS:
            yield from _named(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value  # type: ignore[misc] # _flattened checks it


def _checked(path: Path, base: Mapping[str, str] | None, own: _Texts) -> _Texts:
    """Return the texts of one language: its own, then those of the package."""
    for name, text in own.items():
        _check_name(path, name)
        _check_text(path, name, text)
    if base is not None:
        return {**base, **own}
    missing = [name for name in _wanted() if name not in own]
    if missing:
        raise ConfigError(
            f"{path}: {len(missing)} of {len(_wanted())} texts are missing",
            hint="The package has no texts in this language, so the file must have "
            f"all of them; add: {', '.join(missing)}.",
        )
    return own


def _wanted() -> list[str]:
    """Return the names of the texts that every language has."""
    return [name for name in _built_in(DEFAULT_LANGUAGE) if name not in _CONTACT]


def _check_name(path: Path, name: str) -> None:
    known = [*_wanted(), *_CONTACT]
    if name in known or _STATUS_TEXT.fullmatch(name):
        return
    details = [key for key in _built_in("nl") if key.startswith(_DETAILS)]
    if name.startswith(_DETAILS) and name in details:
        return
    near = difflib.get_close_matches(name, [*known, *details], n=1)
    meant = f"Did you mean {near[0]!r}? " if near else ""
    raise ConfigError(f"{path}: unknown text {name!r}", hint=meant + _SEE_DOCS)


def _check_text(path: Path, name: str, text: str) -> None:
    if name == "direction":
        if text not in _DIRECTIONS:
            raise ConfigError(
                f"{path}: direction = {text!r} is not a direction",
                hint='Write "ltr" (left to right) or "rtl" (right to left).',
            )
        return
    if not text and name not in _CONTACT:
        raise ConfigError(f"{path}: {name} is empty", hint="Write the text.")
    if not text.isprintable():
        raise ConfigError(
            f"{path}: {name} has a character that cannot be shown",
            hint="Leave control characters out.",
        )
    if not name.startswith((_DETAILS, "contact.")):
        _check_placeholders(path, name, text)


def _check_placeholders(path: Path, name: str, text: str) -> None:
    """Refuse a text that could not be filled, or has a placeholder without a value."""
    allowed = PLACEHOLDERS.get(name, frozenset())
    try:
        found = list(string.Formatter().parse(text))
    except ValueError as exc:
        raise ConfigError(
            f"{path}: {name}: {exc}", hint="To show a brace, write it twice: {{ }}."
        ) from exc
    for _, field, spec, conversion in found:
        if field is not None and (field not in allowed or spec or conversion):
            words = ", ".join(f"{{{word}}}" for word in sorted(allowed))
            raise ConfigError(
                f"{path}: {name}: unknown placeholder {{{field}}}",
                hint=f"Placeholders of this text: {words or 'none'}. To show a brace, "
                "write it twice: {{ }}.",
            )


def _catalogue(
    tag: str, texts: Mapping[str, str], *, objection: str, report: str
) -> Catalogue:
    """Make a catalogue of texts that have been checked."""
    statuses = {name.split(".")[1] for name in texts if name.startswith("status.")} | {
        OTHER_STATUS
    }
    fallback = _words(texts, OTHER_STATUS, None)
    return Catalogue(
        language=tag,
        direction=texts["direction"],
        statuses=MappingProxyType(
            {status: _words(texts, status, fallback) for status in statuses}
        ),
        page=MappingProxyType(_below(texts, "page.")),
        details=MappingProxyType(_below(texts, _DETAILS)),
        objection=texts.get("contact.objection", objection),
        report=texts.get("contact.report", report),
    )


def _words(texts: Mapping[str, str], status: str, fallback: Words | None) -> Words:
    heading, text = (
        texts.get(f"status.{status}.heading"),
        texts.get(f"status.{status}.text"),
    )
    if fallback is not None:
        heading, text = heading or fallback.heading, text or fallback.text
    if heading is None or text is None:
        raise AssertionError("texts were not checked")
    return Words(heading=heading, text=text)


def _below(texts: Mapping[str, str], prefix: str) -> _Texts:
    return {
        name.removeprefix(prefix): text
        for name, text in texts.items()
        if name.startswith(prefix)
    }
