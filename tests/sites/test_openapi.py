"""schemathesis attacks the scan API by the description that the API gives of itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sites.asking import Asked, asked
from tests.sites.programs import installed, run

pytestmark = pytest.mark.e2e

MANY = ("--per-minute", "1000000")


@pytest.fixture(scope="module")
def filter_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Run a filter that is asked over TCP."""
    folder = tmp_path_factory.mktemp("openapi")
    with asked(folder, "127.0.0.1:0") as running:
        yield running


@pytest.mark.parametrize(
    ("scope", "options"),
    [
        pytest.param("scan", ("--exclude-path-regex", "lookup|check"), id="scan"),
        # Any method is answered there, and not every form is well formed.
        pytest.param(
            "scan",
            (
                *("--include-path-regex", "check", "--exclude-checks"),
                "unsupported_method,positive_data_acceptance",
            ),
            id="check",
        ),
        pytest.param("lookup", ("--include-path-regex", "lookup"), id="lookup"),
    ],
)
def test_api_is_as_it_describes_itself(
    filter_: Asked, tmp_path: Path, scope: str, options: tuple[str, ...]
) -> None:
    """No generated request makes an error, or an answer that is not described."""
    name = tmp_path.name[-20:].lower().strip("_")
    token = filter_.token(name, "--scope", scope, *MANY)
    done = run(
        *(installed("schemathesis"), "run", f"http://{filter_.api}/v1/openapi.json"),
        *("-H", f"Authorization: Bearer {token}", "--max-examples", "15"),
        *("--seed", "30", "--no-color", *options),
        cwd=tmp_path,
        may_fail=True,
    )

    assert done.returncode == 0, done.stdout.decode()
