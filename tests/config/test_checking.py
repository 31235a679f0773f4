"""Checks of a configuration before anything starts."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.proxy.site import exact_entry, list_entries
from uploadfilter import config
from uploadfilter.config.checking import Findings, check

ORIGIN = 'origin = "http://127.0.0.1:81"\n'


def found(
    folder: Path, text: str, environ: Mapping[str, str] | None = None
) -> Findings:
    """Check a document whose state directory is ``folder / "state"``."""
    file = folder / "uploadfilter.toml"
    file.write_text(text)
    environ = environ or {}
    loaded = config.read(
        file, overrides={}, environ=environ, default_state=folder / "state"
    )
    return check(loaded, environ=environ, online=False)


def test_machine_as_it_should_be_has_no_findings(tmp_path: Path) -> None:
    """With a reference set and folders in place there is nothing to say."""
    list_entries(tmp_path / "state", [exact_entry(1, b"a")])
    spool = f"spool_directory = '{tmp_path}'\nlisten = 'unix:{tmp_path}/s'\n"

    assert found(tmp_path, ORIGIN + spool) == Findings(
        problems=(), faults=(), warnings=()
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("spool_directory = '/nowhere'", "'/nowhere'", id="spool"),
        pytest.param("listen = 'unix:/nowhere/s'", "cannot make a socket", id="socket"),
        pytest.param(
            f"listen = 'unix:/{'x' * 107}'", "too long for a unix socket", id="length"
        ),
        pytest.param("state = '/dev/null'", "not a directory", id="state"),
    ],
)
def test_what_would_keep_the_service_from_starting_is_a_problem(
    tmp_path: Path, text: str, said: str
) -> None:
    """It is reported with its line and a remedy."""
    (problem,) = found(tmp_path, ORIGIN + text).problems

    assert said in problem.text
    assert problem.line == 2
    assert problem.hint


def test_certificate_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """Every origin is looked at, named ones too."""
    text = "[origins.a]\nurl = 'https://x'\nca_file = '/nowhere'"
    (problem,) = found(tmp_path, ORIGIN + text).problems

    assert "/nowhere" in problem.text
    assert problem.key == "origins.a"


def test_missing_reference_set_is_a_fault(tmp_path: Path) -> None:
    """The service starts without it, and answers 503."""
    findings = found(tmp_path, ORIGIN)
    (fault,) = findings.faults

    assert findings.warnings == ()
    assert "no reference set: every upload would be answered 503" in fault.text
    assert "uploadfilter init" in fault.hint


NO_PLACE = "uploads may be rejected, and the answers name no place to"
PLACES = 'objection = "https://example.org"\nreport = "https://example.org"\n'


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        pytest.param('mode = "enforce"', ["objection", "report"], id="enforce"),
        pytest.param('mode = "monitor"', [], id="monitor"),
        pytest.param(f'mode = "enforce"\n{PLACES}', [], id="both"),
        pytest.param(
            "[[routes]]\nname = 'a'\nmode = 'enforce'",
            ["objection", "report"],
            id="one-route",
        ),
        pytest.param(
            'mode = "enforce"\n[objections]\n'
            'public_url = "https://example.org/objection"',
            ["report"],
            id="form",
        ),
    ],
)
def test_rejecting_without_a_place_to_object_is_a_warning(
    tmp_path: Path, text: str, keys: list[str]
) -> None:
    """A person who is rejected by mistake must be able to say so."""
    list_entries(tmp_path / "state", [exact_entry(1, b"a")])
    warnings = found(tmp_path, ORIGIN + text).warnings

    assert [it.key for it in warnings] == keys
    assert all(NO_PLACE in it.text for it in warnings)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('[objections]\npublic_url = "http://a.example/o"', True),
        ('[objections]\npublic_url = "https://a.example/o"', False),
        ('[objections]\npublic_url = "http://127.0.0.1/o"', False),
        ('[forms]\nreview = "192.0.2.1:8091"\nreviewer_header = "X-User"', True),
        ('[forms]\nreview = "[::1]:8091"\nreviewer_header = "X-User"', False),
        ('[forms]\nreview = "unix:/run/review"', False),
    ],
)
def test_page_of_secrets_without_tls_is_a_warning(
    tmp_path: Path, text: str, keys: bool
) -> None:
    """Codes and passwords would be read on the way; on this machine they are not."""
    list_entries(tmp_path / "state", [exact_entry(1, b"a")])
    warnings = found(tmp_path, ORIGIN + text).warnings

    assert len(warnings) == keys
    assert all("https://" in it.hint for it in warnings)


@pytest.mark.parametrize(
    ("text", "enforced", "line"),
    [
        pytest.param("mode = 'enforce'", False, 2, id="at-the-top"),
        pytest.param("[[routes]]\nname = 'a'\nmode = 'enforce'", False, 2, id="route"),
        pytest.param(
            "mode = 'enforce'\n[[routes]]\nname = 'a'\nmode = 'monitor'",
            True,
            2,
            id="no-route-does",
        ),
        pytest.param(
            "mode = 'enforce'\n[policy.categories]\na = 'accept'", True, 2, id="policy"
        ),
    ],
)
def test_enforce_that_rejects_no_match_is_a_warning(
    tmp_path: Path, text: str, *, enforced: bool, line: int
) -> None:
    """The setting has no effect; the service starts with it."""
    list_entries(tmp_path / "state", [exact_entry(1, b"a")], enforced=enforced)
    findings = found(tmp_path, ORIGIN + PLACES + text)
    (warning,) = findings.warnings

    assert findings.problems == ()
    assert "ENFORCE rejects no match" in warning.text
    assert warning.line == line + 2
    assert warning.hint


def test_damaged_reference_set_is_a_fault(tmp_path: Path) -> None:
    """The message is that of the service, and has a remedy."""
    list_entries(tmp_path / "state", [exact_entry(1, b"a")])
    (tmp_path / "state/reference/current").write_text("{}")
    (fault,) = found(tmp_path, ORIGIN).faults

    assert fault.text.startswith("store_corrupt: ")
    assert fault.hint


def test_origin_that_no_route_names_is_a_warning(tmp_path: Path) -> None:
    """Somebody has forgotten something."""
    list_entries(tmp_path / "state", [exact_entry(1, b"a")])
    (warning,) = found(tmp_path, f"{ORIGIN}[origins.a]\nurl = 'http://x'").warnings

    assert (warning.key, warning.line) == ("origins.a", 2)


def test_upload_that_is_longer_than_a_clients_spool_is_a_warning(
    tmp_path: Path,
) -> None:
    """A client gets a quarter of the spool, which should hold the longest upload."""
    list_entries(tmp_path / "state", [exact_entry(1, b"a")])
    small = f'{ORIGIN}[spool]\ndisk_total_bytes = "4 GiB"\n'
    (warning,) = found(tmp_path, small).warnings
    fits = f'{small}[limits]\nmax_body_bytes = "1 GiB"\n'

    assert warning.key == "spool.disk_total_bytes"
    assert "1,073,741,824" in warning.text
    assert found(tmp_path, fits).warnings == ()


ALTERED = f'{ORIGIN}[policy]\naltered = "reject"\n'


def test_action_for_copies_that_nobody_looks_for_is_a_warning(tmp_path: Path) -> None:
    """An operator who rejects altered copies believes that they are looked for."""
    list_entries(tmp_path / "state", [exact_entry(1, b"a")])
    (warning,) = found(tmp_path, f"{ALTERED}[evidence]\nenabled = false\n").warnings

    assert (warning.key, warning.line) == ("policy.altered", 3)
    assert "none is looked for" in warning.text
    assert found(tmp_path, ALTERED).warnings == ()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("UPLOADFILTER_LISTENS", "UPLOADFILTER_LISTEN?"),
        ("UPLOADFILTER_COLOUR", "UPLOADFILTER_MODE"),
    ],
)
def test_variable_that_nobody_reads_is_a_warning(
    tmp_path: Path, name: str, meant: str
) -> None:
    """A typing error in a name would otherwise go unnoticed."""
    list_entries(tmp_path / "state", [exact_entry(1, b"a")])
    environ = {name: "x", "UPLOADFILTER_MODE": "monitor", "HOME": "/"}
    (warning,) = found(tmp_path, ORIGIN, environ).warnings

    assert name in warning.text
    assert meant in warning.hint


def test_variable_that_the_file_refers_to_is_no_warning(tmp_path: Path) -> None:
    """The settings of the package take the admin listener's address from one."""
    list_entries(tmp_path / "state", [exact_entry(1, b"a")])
    text = f"{ORIGIN}\n[admin]\nlisten = {{ env = 'UPLOADFILTER_ADMIN' }}\n"
    environ = {"UPLOADFILTER_ADMIN": "127.0.0.1:9180"}

    assert found(tmp_path, text, environ).warnings == ()


def test_host_is_looked_up_only_if_asked_for(tmp_path: Path) -> None:
    """Without a network a file can be checked as well."""
    file = tmp_path / "uploadfilter.toml"
    file.write_text("origin = 'http://nowhere.invalid'")
    loaded = config.read(file, overrides={}, default_state=tmp_path)

    assert check(loaded, environ={}, online=False).problems == ()
    (problem,) = check(loaded, environ={}, online=True).problems
    assert "nowhere.invalid" in problem.text
