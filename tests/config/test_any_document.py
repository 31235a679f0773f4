"""Every file loads, or the operator is told the remedy."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.config.documents import ANY_DOCUMENTS, document
from tests.config.loading import load
from uploadfilter import config
from uploadfilter.config import schema
from uploadfilter.errors import ConfigError

SECRET = "hunter2-correct-horse"  # noqa: S105 -- of nothing


def is_told(found: config.Loaded | ConfigError) -> bool:
    """Return whether a document was loaded, or refused with a hint for all of it."""
    if isinstance(found, config.Loaded):
        return True
    return bool(found.hint) and all(it.text and it.hint for it in found.problems)


@given(ANY_DOCUMENTS)
def test_any_document_loads_or_is_refused_with_a_hint(text: str) -> None:
    """No document ends in anything but settings or an error for the operator."""
    assert is_told(load(text))


@given(st.text(st.sampled_from("[]{}=.,\"'\\#\n ar0-_1"), max_size=40))
def test_any_text_loads_or_is_refused_with_a_hint(text: str) -> None:
    """The same holds for a text that is hardly TOML."""
    assert is_told(load(text))


@given(
    st.sampled_from(
        [
            "http://user:{}@host",
            "http://{}@host/path",
            "https://a:b/{}@host",
            "{}@host",
        ]
    ),
    st.sampled_from(
        [
            "origin",
            "listen",
            "instance",
            "mode",
            "language",
            "trusted_proxies",
            *(f"{table}.{name}" for table, name in [("policy", "truncated")]),
            *(f"origin.{name}" for name in ("ca_file", "via", "url", "connections")),
        ]
    ),
)
def test_password_is_in_no_error(pattern: str, key: str) -> None:
    """Wherever an address with a password was put, it is not repeated."""
    table, _, name = key.rpartition(".")
    value = pattern.format(SECRET)
    text = document({table: {name: value}} if table else {name: value})
    found = load(text)

    assert isinstance(found, ConfigError)
    assert SECRET not in str(found)
    assert SECRET not in found.hint


@given(st.sampled_from(sorted(schema.PLAIN.keys() - schema.PATHS)))
def test_text_that_is_referred_to_is_in_no_error(key: str) -> None:
    """A value elsewhere is not shown, even if it cannot be used."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "uploadfilter.toml"
        path.write_text(document({key: {"env": "SECRET"}}), encoding="utf-8")
        try:
            config.read(
                path,
                overrides={"origin": "http://127.0.0.1:81"},
                default_state=Path("/state"),
                environ={"SECRET": SECRET},
            )
        except ConfigError as exc:
            assert SECRET not in f"{exc} {exc.hint}"  # noqa: PT017 -- it may load, too
