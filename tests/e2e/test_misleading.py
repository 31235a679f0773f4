"""Cases that misled an operator once: the installed program now states them."""

from pathlib import Path

import pytest

from deploy.demo import running
from tests.decisions.logs import NOON, REFUSED, decision, write_log

pytestmark = pytest.mark.e2e

ORIGIN = 'origin = "http://127.0.0.1:9"\n'


def test_decision_is_found_as_the_page_shows_it(tmp_path: Path) -> None:
    """With the blanks of its groups, in capitals, with the letter O; or not at all."""
    log = tmp_path / "instances/main/log"
    record = decision("20261125-0123456789abcdef0123", REFUSED)
    write_log(log, [[record]], start=NOON)
    written = "2026 1125 O123 4567 89AB CDEF O123"

    found = running.run_program("log", "show", "--id", written, state=tmp_path)
    missed = running.run_program(
        "log", "show", "--id", written[:-1] + "4", state=tmp_path, may_fail=True
    )

    assert b'"id":"20261125-0123456789abcdef0123"' in found.stdout
    assert (missed.returncode, missed.stdout) == (1, b"")
    assert b"no such record" in missed.stderr


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        pytest.param(
            f"{ORIGIN}mode = 'monitor'\nmode = 'enforce'\n",
            "the key 'mode' is there twice, the first time in line 2",
            "Remove one of the two.",
            id="twice",
        ),
        pytest.param(
            "[proxy]\norigin = 'http://a'\n",
            "unknown key 'proxy.origin'",
            "above the first table of the file",
            id="origin",
        ),
        pytest.param(
            f"{ORIGIN}[policy]\nmatch = 'accept'\n",
            "unknown key 'policy.match'",
            "[policy.categories]",
            id="match",
        ),
        pytest.param(
            f"{ORIGIN}[limits]\nmax_parts = '64'\n",
            "limits.max_parts = '64' cannot be used: it is a text",
            "Write a whole number without quotes",
            id="number-in-quotes",
        ),
    ],
)
def test_mistake_in_the_settings_is_called_what_it_is(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    """Each of these once led the reader somewhere else."""
    path = tmp_path / "uploadfilter.toml"
    path.write_text(text)
    done = running.run_program(
        "config", "--check", str(path), state=tmp_path, may_fail=True
    )

    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 2
    assert message in said
    assert hint in said
