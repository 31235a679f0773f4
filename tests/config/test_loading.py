"""Loading of the configuration, and the messages about mistakes."""

import re
import threading
from pathlib import Path

import pytest

from uploadfilter import config
from uploadfilter.config import schema
from uploadfilter.config.loading import read_text
from uploadfilter.decisions.policy import FIGHTING, OVER_BUDGET
from uploadfilter.errors import ConfigError
from uploadfilter.model import Action, Mode, Reason
from uploadfilter.web.clients.addresses import TCPAddress

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


@pytest.mark.parametrize("door", ["api", "clamd"])
def test_door_on_the_command_line_is_enough(tmp_path: Path, door: str) -> None:
    """Where applications only ask, no origin has to be said."""
    alone = config.load(
        None, overrides={door: "unix:/run/a mode=0660"}, default_state=STATE
    )
    over_file = load(tmp_path, f'[{door}]\nlisten = "unix:/b"\n', **{door: "unix:/a"})

    assert str(getattr(alone, door).address) == "unix:/run/a mode=0660"
    assert alone.proxy_listen == ()
    assert getattr(over_file, door).listen == "unix:/a"


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
    """An option on the command line takes precedence over the file."""
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
            r"origin.url = 'ftp://x': an origin must be http",
            "",
            id="scheme",
        ),
        pytest.param(
            'origin = "http://x/path"', "an origin must not have a path", "", id="path"
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
            ORIGIN + "[budgets]\nhue = 1", "unknown key", "Known keys", id="stranger"
        ),
        pytest.param(
            ORIGIN + '[scanner]\nmodule = "os"', "unknown key", "fixed", id="hidden"
        ),
        pytest.param(
            ORIGIN + 'listen = "8080"',
            "listen = '8080' is not an address",
            "",
            id="port",
        ),
        pytest.param(
            ORIGIN + 'listen = "x:70000"', "is not an address", "", id="port-range"
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
            ORIGIN + 'listen = "localhost:81"', "the same", "circle", id="localhost"
        ),
        pytest.param(
            'origin = "http://LocalHost:81"\nlisten = "[::1]:81"',
            "the same",
            "circle",
            id="circle-by-name",
        ),
        pytest.param(
            'origin = "http://127.0.0.1"\nlisten = "0.0.0.0:80"',
            "the same",
            "circle",
            id="circle-by-usual-port",
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
            "thresholds.pdq = 'lots' cannot be used: it is a text",
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
            ORIGIN + "[budgets]\ncontent_cpu_s = nan", "cpu_s = nan", "", id="nan"
        ),
        pytest.param(
            ORIGIN + "[budgets]\ncontent_cpu_s = inf", "cpu_s = inf", "", id="inf"
        ),
        pytest.param(
            ORIGIN + "[proxy]\nopen_uploads = 0", "open_uploads must be", "", id="zero"
        ),
    ],
)
def test_mistake_names_key_value_and_cure(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    """An error names the key, the value and the remedy."""
    with pytest.raises(ConfigError, match=message) as error:
        load(tmp_path, text)

    assert "uploadfilter.toml" in str(error.value)
    assert error.value.hint
    assert hint in error.value.hint


def test_password_of_an_origin_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """It would not be sent, and must not be in an error message."""
    with pytest.raises(ConfigError, match="a user or a password") as error:
        load(tmp_path, 'origin = "http://me:hunter2@x"')

    assert "hunter2" not in str(error.value)


def test_missing_file_is_said() -> None:
    """A path without a file is named, with a remedy."""
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
    assert {"listen", "origin.url", "budgets.content_cpu_s", "policy.truncated"} <= {
        *keys
    }


def read(
    tmp_path: Path, text: str, environ: dict[str, str], **overrides: object
) -> config.Loaded:
    """Read a file with an environment and options."""
    path = tmp_path / "uploadfilter.toml"
    path.write_text(text, encoding="utf-8")
    return config.read(path, overrides=overrides, default_state=STATE, environ=environ)


@pytest.mark.parametrize("typed", ["--mode", None])
@pytest.mark.parametrize("variable", ["UPLOADFILTER_MODE", None])
@pytest.mark.parametrize("written", ["line 2", None])
def test_option_wins_over_variable_over_file_over_default(
    tmp_path: Path, typed: str | None, variable: str | None, written: str | None
) -> None:
    """Of all sources of a value, the one nearest to the start of the service wins."""
    loaded = read(
        tmp_path,
        ORIGIN + ('mode = "enforce"' if written else ""),
        {"UPLOADFILTER_MODE": "monitor"} if variable else {},
        mode="enforce" if typed else None,
    )
    expected = typed or variable or written

    assert loaded.sources.given(("mode",)) == expected
    monitors = expected in {"UPLOADFILTER_MODE", None}
    assert loaded.settings.mode is (Mode.MONITOR if monitors else Mode.ENFORCE)


def test_every_variable_is_read(tmp_path: Path) -> None:
    """Each goes where the key of its name would."""
    environ = {
        "UPLOADFILTER_ORIGIN": "http://127.0.0.1:82",
        "UPLOADFILTER_LISTEN": "[::1]:80, unix:/run/x",
        "UPLOADFILTER_MODE": "enforce",
        "UPLOADFILTER_STATE_DIR": "/elsewhere",
        "UPLOADFILTER_INSTANCE": "b",
        "UPLOADFILTER_SPOOL_DIRECTORY": "/spool",
        "UPLOADFILTER_TRUSTED_PROXIES": "10.0.0.0/8,::1",
    }
    settings = read(tmp_path, "[origin]\nanswer_timeout_s = 7", environ).settings

    assert environ.keys() == schema.VARIABLES.keys()
    assert settings.origin
    assert (settings.origin.url, settings.origin.answer_timeout_s) == (
        "http://127.0.0.1:82",
        7,
    )
    assert [str(address) for address in settings.listen] == ["[::1]:80", "unix:/run/x"]
    assert [str(network) for network in settings.trusted_proxies] == [
        "10.0.0.0/8",
        "::1/128",
    ]
    assert (str(settings.state), settings.instance) == ("/elsewhere", "b")
    assert settings.spool_directory == "/spool"
    assert settings.mode is Mode.ENFORCE


def test_empty_variable_says_nothing(tmp_path: Path) -> None:
    """Containers pass on variables with empty values."""
    loaded = read(tmp_path, ORIGIN, {"UPLOADFILTER_MODE": ""})

    assert loaded.sources.given(("mode",)) is None


@pytest.mark.parametrize(
    ("environ", "overrides", "named"),
    [
        ({"UPLOADFILTER_MODE": "off"}, {}, "UPLOADFILTER_MODE: mode = 'off'"),
        ({"UPLOADFILTER_MODE": "off"}, {"mode": "of"}, "--mode: mode = 'of'"),
        ({"UPLOADFILTER_ORIGIN": "x"}, {}, "UPLOADFILTER_ORIGIN: origin.url = 'x'"),
        ({}, {"listen": "x"}, "--listen: listen = 'x'"),
    ],
)
def test_mistake_elsewhere_names_its_place(
    tmp_path: Path, environ: dict[str, str], overrides: dict[str, str], named: str
) -> None:
    """The message names the variable: the file does not have the value."""
    with pytest.raises(ConfigError) as error:
        read(tmp_path, ORIGIN, environ, **overrides)

    assert str(error.value).startswith(named)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """In the order of the file, each with its line."""
    text = """
[limits]
max_parts = 0
max_name_bytes = -1
max_body_bytes = "4 apples"
[proxy]
open_uplods = 4
[thresholds]
pdq = 99
phash = 99
"""
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)

    lines = [(it.line, it.key) for it in error.value.problems]
    assert lines == [
        (None, ""),
        (3, "limits.max_parts"),
        (4, "limits.max_name_bytes"),
        (5, "limits.max_body_bytes"),
        (7, "proxy.open_uplods"),
        (9, "thresholds.pdq"),
        (10, "thresholds.phash"),
    ]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param("pdq = 9", "[thresholds] pdq", id="from-the-top"),
        pytest.param("[proxy]\nmax_parts = 9", "[limits] max_parts", id="other-table"),
        pytest.param(
            "[limits]\nmode = 'enforce'", "'mode', which stands above", id="to-the-top"
        ),
        pytest.param(
            "[spool]\ntrusted_proxys = []", "'trusted_proxies', which", id="both"
        ),
        pytest.param("[policy]\nexempt = true", "[[routes]] exempt", id="to-routes"),
        pytest.param("[limit]\nmax_parts = 9", "'limits'", id="table"),
        pytest.param("[origin]\nadress = 'x'", "Known keys", id="nothing-near"),
    ],
)
def test_key_that_was_meant_is_suggested(tmp_path: Path, text: str, meant: str) -> None:
    """This also holds for a key of another table."""
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)

    assert meant in error.value.hint


REMOVED = {
    "log": ("segment_bytes", "compress"),
    "notify": ("events",),
    "upload_store": ("expire_s",),
    "origin": ("client_headers", "whole_chain", "connections", "stream_timeout_s"),
    "proxy": (
        *("connections", "connections_per_client", "match_window_s"),
        *("head_s", "body_idle_s", "log_room_s", "drain_s"),
    ),
    "scanner": ("slow_lane",),
    "budgets": ("upload_cpu_s", "address_space"),
    "evidence": ("copies", "turned", "altered", "near", "most_views"),
    "policy": (*OVER_BUDGET, *FIGHTING, Reason.EVIDENCE_UNFINISHED),
}


@pytest.mark.parametrize(
    ("table", "name"),
    [("", "client_groups"), *((it, each) for it in REMOVED for each in REMOVED[it])],
)
def test_key_of_an_older_version_is_refused_with_its_line(
    tmp_path: Path, table: str, name: str
) -> None:
    """The hint says what to write, or to delete the line."""
    header = f"[{table}]" if table else "#"
    with pytest.raises(ConfigError, match=rf":2: unknown key '.*{name}'") as error:
        load(tmp_path, f"{header}\n{name} = 1")

    assert re.search(r"\n(Delete the line|Write |To look for)", error.value.hint)


def test_there_are_at_most_a_hundred_keys() -> None:
    """Nobody reads more. A value that nobody sets in anger is a constant."""
    assert len(schema.keys()) <= 100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("x = " + "[" * 5000, "nested too deeply", id="deep"),
        pytest.param("a." * 400_000 + "a = 1", "nested too deeply", id="long key"),
        pytest.param("['a'" + '."a"' * 200_000 + "]", "nested too", id="long table"),
        pytest.param('\ntexts = "/a\\u0000"', ":2: a text contains a NUL", id="nul"),
        pytest.param("x = " + "9" * 5000, "not TOML", id="long-number"),
        pytest.param("[limits]\nmax_parts = " + "9" * 30, "cannot be used", id="huge"),
        pytest.param("a = 1\na = 2\n", r":2: the key 'a' is there twice", id="twice"),
        pytest.param("x = '" + "y" * 2_000_000 + "'", "regular file", id="long-file"),
    ],
)
def test_document_that_could_hurt_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    """The cost of a file is bounded, and every fault of it is the operator's to see."""
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, text)


def test_file_of_an_editor_of_windows_is_read(tmp_path: Path) -> None:
    """A byte order mark and other line ends do not matter."""
    path = tmp_path / "x.toml"
    path.write_bytes(b'\xef\xbb\xbforigin = "http://x"\r\nmode = "off"\r\n')

    with pytest.raises(ConfigError, match=r"x\.toml:2: mode = 'off'"):
        config.load(path, overrides={}, default_state=STATE)


def test_credential_of_a_key_that_names_a_file_is_its_place(tmp_path: Path) -> None:
    """The certificate is read from where systemd has put it."""
    (tmp_path / "ca").write_text("x")
    text = '[origin]\nurl = "https://x"\nca_file = { credential = "ca" }'
    loaded = read(tmp_path, text, {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert loaded.settings.origin
    assert loaded.settings.origin.ca_file == str(tmp_path / "ca")


def load_until_refused(path: Path) -> None:
    """Load a file again and again."""
    while True:
        read_text(path)


def test_file_that_is_being_written_is_not_read_by_half(tmp_path: Path) -> None:
    """Half a file may well be TOML, and lack the routes at its end."""
    path = tmp_path / "uploadfilter.toml"
    path.write_text(ORIGIN)
    ended = threading.Event()

    def write() -> None:
        with path.open("r+") as file:
            while not ended.is_set():
                file.seek(len(ORIGIN))
                file.truncate()
                file.write("# a comment\n")
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(ConfigError, match="while it was read"):
            load_until_refused(path)
    finally:
        ended.set()
        writer.join()
