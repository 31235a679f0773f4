"""Configuration: what is read, and what an operator is told about a mistake."""

from pathlib import Path

import pytest

from uploadfilter import config
from uploadfilter.errors import ConfigError
from uploadfilter.model import Action, Mode
from uploadfilter.proxy.addresses import TCPAddress

STATE = Path("/state")


def load(tmp_path: Path, text: str, **overrides: object) -> config.Settings:
    """Load a file with this text."""
    path = tmp_path / "uploadfilter.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path, overrides=overrides, default_state=STATE)


def test_command_line_alone_is_enough() -> None:
    """An origin is all that has to be said; the rest has defaults."""
    settings = config.load(
        None, overrides={"origin": "http://127.0.0.1:81"}, default_state=STATE
    )

    assert settings.origin is not None
    assert settings.origin.url == "http://127.0.0.1:81"
    assert settings.listen == (TCPAddress(host="127.0.0.1", port=8080),)
    assert settings.mode is Mode.MONITOR
    assert settings.state == STATE


def test_file_fills_the_rooms_settings(tmp_path: Path) -> None:
    """Each table fills the settings of one room; sizes may have units."""
    settings = load(
        tmp_path,
        """
        origin = "http://127.0.0.1:81"
        listen = "[::1]:443"
        mode = "enforce"
        trusted_proxies = ["10.0.0.0/8", "192.0.2.7"]
        [limits]
        max_body_bytes = "20 MiB"
        [thresholds]
        pdq = 20
        [policy]
        not_inspected = "reject"
        [scanner]
        workers = 3
        [budgets]
        content_cpu_s = 1
        """,
    )

    assert settings.listen == (TCPAddress(host="::1", port=443),)
    assert settings.mode is Mode.ENFORCE
    assert len(settings.trusted_proxies) == 2
    assert settings.limits.max_body_bytes == 20 * 1024 * 1024
    assert settings.thresholds.pdq == 20
    assert settings.policy.not_inspected is Action.REJECT
    assert settings.scanner.workers == 3
    assert settings.scanner.budgets.content_cpu_s == 1


def test_command_line_wins_over_the_file(tmp_path: Path) -> None:
    """What is typed now is meant more than what was written once."""
    settings = load(
        tmp_path,
        'origin = "http://127.0.0.1:81"\nmode = "enforce"',
        mode="monitor",
        listen=None,
    )

    assert settings.mode is Mode.MONITOR


def test_origin_may_be_a_table(tmp_path: Path) -> None:
    """The short form names the address alone, the table the times as well."""
    settings = load(
        tmp_path, '[origin]\nurl = "https://site.example"\nanswer_timeout_s = 5'
    )

    assert settings.origin is not None
    assert settings.origin.answer_timeout_s == 5


ORIGIN = 'origin = "http://127.0.0.1:81"\n'


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        pytest.param("", "no origin is named", "--origin URL", id="no-origin"),
        pytest.param(
            'origin = "ftp://x"',
            r"origin.url = 'ftp://x': an origin is http",
            "",
            id="scheme",
        ),
        pytest.param(
            'origin = "http://x/path"', "an origin has no path", "", id="path"
        ),
        pytest.param(
            ORIGIN + 'lissen = "x"', "unknown key 'lissen'", "'listen'", id="typo"
        ),
        pytest.param(
            ORIGIN + "[limits]\nmax_part = 1",
            "unknown key 'limits.max_part'",
            "'limits.max_parts'",
            id="typo-in-table",
        ),
        pytest.param(
            ORIGIN + "[budgets]\nhue = 1", "unknown key", "Known are", id="stranger"
        ),
        pytest.param(
            ORIGIN + '[scanner]\nmodule = "os"', "unknown key", "Known", id="hidden"
        ),
        pytest.param(
            ORIGIN + 'listen = "8080"',
            "listen = '8080' is not HOST:PORT",
            "",
            id="port",
        ),
        pytest.param(
            ORIGIN + 'listen = "x:70000"', "is not HOST:PORT", "", id="port-range"
        ),
        pytest.param(
            ORIGIN + "listen = 8080", "listen = 8080", "text in quotes", id="port-type"
        ),
        pytest.param(
            ORIGIN + 'trusted_proxies = "10.0.0.1"',
            "trusted_proxies = '10.0.0.1'",
            "list of texts in brackets",
            id="no-list",
        ),
        pytest.param(
            ORIGIN + 'listen = "127.0.0.1:81"', "the same", "--listen", id="circle"
        ),
        pytest.param(
            ORIGIN + 'listen = "0.0.0.0:81"', "the same", "--listen", id="wide-circle"
        ),
        pytest.param(
            ORIGIN + 'mode = "strict"', "mode = 'strict'", '"monitor"', id="mode"
        ),
        pytest.param(
            ORIGIN + 'instance = "../x"', "instance = '../x'", "", id="instance"
        ),
        pytest.param(
            ORIGIN + 'trusted_proxies = ["10.0.0.1/8"]',
            "trusted_proxies = '10.0.0.1/8'",
            "",
            id="network",
        ),
        pytest.param(
            ORIGIN + "[thresholds]\npdq = 99",
            r"thresholds\.pdq = 99: .*48",
            "",
            id="range",
        ),
        pytest.param(
            ORIGIN + "[limits]\nmax_parts = -1\nmax_name_bytes = 9",
            r"limits\.max_parts = -1: max_parts must be",
            "",
            id="range-of-one-key-among-others",
        ),
        pytest.param(
            ORIGIN + '[thresholds]\npdq = "lots"',
            "thresholds.pdq = 'lots' cannot be used: neither a number nor a size",
            "",
            id="number",
        ),
        pytest.param(
            ORIGIN + "[thresholds]\npdq = 1.5", "thresholds.pdq = 1.5", "", id="float"
        ),
        pytest.param(
            ORIGIN + '[policy]\nlow_quality = "maybe"',
            "policy.low_quality = 'maybe'",
            '"accept", "reject", "retry_later"',
            id="action",
        ),
        pytest.param(
            ORIGIN + '[spool]\nmemory_total_bytes = "5 apples"',
            "spool.memory_total_bytes = '5 apples'",
            "20 MiB",
            id="unit",
        ),
        pytest.param(
            ORIGIN + "limits = 3", "limits = 3 is not a table", "", id="table"
        ),
        pytest.param("origin = ", "not TOML", "", id="toml"),
        pytest.param(
            ORIGIN + "[proxy]\ndrain_s = nan", "proxy.drain_s = nan", "", id="nan"
        ),
        pytest.param(
            ORIGIN + "[proxy]\nbody_idle_s = inf", "body_idle_s = inf", "", id="inf"
        ),
        pytest.param(
            ORIGIN + "[proxy]\nopen_uploads = 0", "open_uploads must be", "", id="zero"
        ),
    ],
)
def test_mistake_names_key_value_and_cure(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    """An error says which key, which value, and what to do."""
    with pytest.raises(ConfigError, match=message) as error:
        load(tmp_path, text)

    assert "uploadfilter.toml" in str(error.value)
    assert error.value.hint
    assert hint in error.value.hint


def test_password_of_an_origin_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """It would not be sent, and an error message is no place for it."""
    with pytest.raises(ConfigError, match="user and password") as error:
        load(tmp_path, 'origin = "http://me:hunter2@x"')

    assert "hunter2" not in str(error.value)


def test_missing_file_is_said() -> None:
    """A path that leads nowhere is named, with what to check."""
    with pytest.raises(ConfigError, match=r"'/nowhere\.toml': No such file"):
        config.load(Path("/nowhere.toml"), overrides={}, default_state=STATE)


def test_file_that_is_not_text_is_said(tmp_path: Path) -> None:
    """A file in another encoding is named with the byte that gave it away."""
    path = tmp_path / "x.toml"
    path.write_bytes(b"origin = '\xff'")

    with pytest.raises(ConfigError, match="not UTF-8 at byte 10"):
        config.load(path, overrides={}, default_state=STATE)


def test_every_key_is_listed_once() -> None:
    """The list that the docs are tested against is complete and without repeats."""
    keys = config.keys()

    assert len(keys) == len(set(keys))
    assert {"listen", "origin.url", "budgets.max_pixels", "policy.truncated"} <= {*keys}
