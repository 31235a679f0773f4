"""The settings in force: as an equivalent file, and the changes."""

import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, reject, settings

from tests.config.documents import VALID_DOCUMENTS
from uploadfilter import config
from uploadfilter.config.effective import (
    DEFAULT,
    as_toml,
    differences,
    is_live,
    values_of,
)
from uploadfilter.errors import ConfigError
from uploadfilter.model import Action, Preset, Reason

ENVIRON = {"REPORT": "report it"}
TEXT = """
origin = "http://127.0.0.1:81"
objection = { env = "REPORT" }

[limits]
max_parts = 7

[[routes]]
name = "a"
host = "a"
[routes.policy]
truncated = "accept"
"""


def read(
    text: str, *, environ: Mapping[str, str] = ENVIRON, **overrides: object
) -> config.Loaded:
    """Read a document."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "uploadfilter.toml"
        path.write_text(text, encoding="utf-8")
        return config.read(
            path, overrides=overrides, default_state=Path("/state"), environ=environ
        )


@given(VALID_DOCUMENTS)
def test_what_is_shown_loads_again_and_says_the_same(text: str) -> None:
    """The whole file, and also the rest without the defaults."""
    try:
        loaded = read(text)
    except ConfigError:
        reject()
    values = values_of(loaded)
    changed = [item for item in values if item.source != DEFAULT]

    assert read("\n".join(as_toml(values))).settings == loaded.settings
    assert read("\n".join(as_toml(changed))).settings == loaded.settings


@given(VALID_DOCUMENTS, VALID_DOCUMENTS)
def test_settings_that_differ_have_keys_that_differ(one: str, other: str) -> None:
    """Every change is named, and nothing else is."""
    try:
        first, second = read(one), read(other)
    except ConfigError:
        reject()

    changed = differences(first, second)
    assert (first.settings == second.settings) is (not changed)
    if first.settings.live != second.settings.live:
        assert any(is_live(key) for key in changed)


def test_valid_documents_are_valid() -> None:
    """The properties above are not about nothing."""
    loaded = 0

    @settings(max_examples=60)
    @given(VALID_DOCUMENTS)
    def load(text: str) -> None:
        nonlocal loaded
        try:
            read(text)
        except ConfigError:
            return
        loaded += 1

    load()

    assert loaded > 10


def test_each_value_says_where_it_is_from() -> None:
    """The line of the file, the variable or the option; and the defaults."""
    loaded = read(TEXT, mode="enforce")
    sources = {item.name: item.source for item in values_of(loaded)}

    assert sources["origin.url"] == "line 2"
    assert sources["limits.max_parts"] == "line 6"
    assert sources["routes[0].policy.truncated"] == "line 12"
    assert sources["mode"] == "--mode"
    assert sources["limits.max_body_bytes"] == DEFAULT


def test_every_key_is_shown() -> None:
    """Nothing is in force that the operator does not see."""
    shown = {item.name for item in values_of(read(TEXT))}
    keys = {key for key in (*config.keys(),) if not key.startswith("routes")}

    assert keys - shown == {"report", "texts", "spool_directory"}


def test_change_of_what_is_referred_to_is_a_difference() -> None:
    """The file is the same, but the settings in force differ."""
    before = read(TEXT)
    after = read(TEXT, environ={"REPORT": "another"})

    assert differences(before, after) == ("objection",)


def test_value_that_is_referred_to_is_not_shown() -> None:
    """The reference is shown in its place."""
    text = "\n".join(as_toml(values_of(read(TEXT))))

    assert tomllib.loads(text)["objection"] == {"env": "REPORT"}
    assert ENVIRON["REPORT"] not in text


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (TEXT, ()),
        (TEXT.replace("= 7", "= 8"), ("limits.max_parts",)),
        (TEXT.replace('host = "a"', 'host = "b"'), ("routes",)),
        (f'mode = "enforce"{TEXT}', ("mode", "routes")),
        (f"{TEXT}\n[origins.x]\nurl = 'http://x'", ("origins",)),
    ],
)
def test_differences_are_named_by_key(text: str, changed: tuple[str, ...]) -> None:
    """Routes and named origins count as one each."""
    assert differences(read(TEXT), read(text)) == changed


def test_values_of_a_preset_say_so() -> None:
    """A value in the file itself wins, in a route as well as at the top."""
    text = (
        'origin = "http://127.0.0.1:81"\n'
        '[policy]\npreset = "strict"\ntruncated = "accept"\n'
        '[[routes]]\nname = "a"\nhost = "a"\n'
        '[routes.policy]\npreset = "matches_only"\nencrypted = "retry_later"\n'
    )
    found = {item.name: item for item in values_of(read(text))}

    assert {
        name: (found[name].value, found[name].source)
        for name in (
            "policy.preset",
            "policy.truncated",
            "policy.not_inspected",
            "policy.categories",
            "routes[0].policy.encrypted",
            "routes[0].policy.undecodable",
        )
    } == {
        "policy.preset": ("strict", "line 3"),
        "policy.truncated": ("accept", "line 4"),
        "policy.not_inspected": ("reject", "preset strict"),
        "policy.categories": ({}, DEFAULT),
        "routes[0].policy.encrypted": ("retry_later", "line 10"),
        "routes[0].policy.undecodable": ("accept", "preset matches_only"),
    }


def test_route_without_a_preset_has_the_policy_of_all() -> None:
    """Its own keys override the values of the others, preset and all."""
    text = (
        'origin = "http://127.0.0.1:81"\n[policy]\npreset = "strict"\n'
        '[[routes]]\nname = "a"\nhost = "a"\n[routes.policy]\ntruncated = "accept"\n'
    )
    (route,) = read(text).settings.routes

    assert route.policy.preset is Preset.STRICT
    assert route.policy.action_for(Reason.ENCRYPTED) is Action.REJECT
    assert route.policy.action_for(Reason.TRUNCATED) is Action.ACCEPT


@pytest.mark.parametrize("preset", ['"loose"', "7", "[]", '["strict"]'])
def test_preset_that_there_is_not_is_refused(preset: str) -> None:
    """The policy in force is the named one."""
    text = f'origin = "http://127.0.0.1:81"\n[policy]\npreset = {preset}'

    with pytest.raises(ConfigError, match=r"policy\.preset"):
        read(text)
