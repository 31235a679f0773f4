"""The decision log records the differences of a configuration, without secrets."""

from pathlib import Path

from uploadfilter import config
from uploadfilter.config.telling import MOST_ROUTES

ORIGIN = 'origin = "http://127.0.0.1:81"\n'


def loaded(folder: Path, text: str) -> config.Loaded:
    """Read a configuration."""
    file = folder / "uploadfilter.toml"
    file.write_text(text)
    return config.read(file, overrides={}, default_state=folder)


def test_start_tells_mode_routes_and_what_is_no_default(tmp_path: Path) -> None:
    """An overseer reads the settings in force from one record."""
    text = (
        'mode = "enforce"\n'
        + ORIGIN
        + '[[routes]]\nname = "photos"\npath = "/photos"\nmode = "monitor"\n'
        + '[[routes]]\nname = "feed"\npath = "/feed"\nexempt = true\n'
    )
    told = config.told(loaded(tmp_path, text))

    assert told["mode"] == "ENFORCE"
    assert told["routes"] == ["photos: MONITOR", "feed: exempt", "default: ENFORCE"]
    shown = told["settings"]
    assert isinstance(shown, dict)
    assert shown["mode"] == '"enforce"'
    assert shown["origin.url"] == '"http://127.0.0.1:81"'
    assert "limits.max_parts" not in shown


def test_reload_tells_values_before_and_after(tmp_path: Path) -> None:
    """Old and new values stand side by side; the rest is not repeated."""
    before = loaded(tmp_path, ORIGIN)
    after = loaded(tmp_path, 'mode = "enforce"\n' + ORIGIN)
    told = config.changed(before, after)

    assert told["changed"] == {"mode": ['"monitor"', '"enforce"']}
    assert told["mode"] == "ENFORCE"
    assert told["configuration"] == config.told(after)["configuration"]
    assert config.changed(after, loaded(tmp_path, 'mode = "enforce"\n' + ORIGIN)) == {}


def test_secret_is_not_told(tmp_path: Path) -> None:
    """References are shown instead of their values; addresses without passwords."""
    text = (
        ORIGIN + 'objection = { env = "WHERE" }\nreport = "https://a:secret@x.org/"\n'
    )
    file = tmp_path / "uploadfilter.toml"
    file.write_text(text)
    environ = {"WHERE": "hidden"}
    read = config.read(file, overrides={}, default_state=tmp_path, environ=environ)
    told = str(config.told(read))

    assert "secret" not in told
    assert "hidden" not in told
    assert "https://x.org/" in told
    assert "WHERE" in told


def test_many_routes_are_told_by_their_number(tmp_path: Path) -> None:
    """A record is bounded, however long a configuration is."""
    routes = "".join(
        f'[[routes]]\nname = "r{n}"\npath = "/{n}"\n' for n in range(MOST_ROUTES + 7)
    )
    told = config.told(loaded(tmp_path, ORIGIN + routes))
    shown = told["settings"]

    routes_told = told["routes"]
    assert isinstance(routes_told, list)
    assert len(routes_told) == MOST_ROUTES
    assert told["routes_omitted"] == 8
    assert isinstance(shown, dict)
    assert len(shown) == 201
