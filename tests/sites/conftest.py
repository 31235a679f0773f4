"""The sites, each started once for all tests that use it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sites.behind import Behind, behind
from tests.sites.programs import short_folder
from tests.sites.wordpress import WordPress, wordpress


@pytest.fixture(scope="session")
def wordpress_itself() -> Iterator[WordPress]:
    """Return a running WordPress."""
    with short_folder() as folder, wordpress(folder) as running:
        yield running


@pytest.fixture(scope="session")
def wordpress_site(
    wordpress_itself: WordPress, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    """Return WordPress behind the proxy."""
    folder = tmp_path_factory.mktemp("wordpress")
    site = wordpress_itself
    with behind(site.origin, stored=site.content, folder=folder) as stage:
        yield stage


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    """Return a file for a client's cookies."""
    return tmp_path / "cookies.txt"
