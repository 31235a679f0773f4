"""The registry has a reader for each container that is read, and for nothing else."""

import pytest

from uploadfilter.contents import magic
from uploadfilter.contents.containers import CONTAINERS, container_for
from uploadfilter.contents.magic import Kind


def test_kinds_are_read_by_one_container_each() -> None:
    """No two lines of the registry claim the same kind."""
    kinds = [kind for each in CONTAINERS for kind in each.kinds]

    assert len(kinds) == len(set(kinds))
    assert set(kinds) <= magic.CONTAINERS


@pytest.mark.parametrize("kind", [Kind.SEVEN_ZIP, Kind.RAR, Kind.OLE, Kind.JPEG])
def test_other_kinds_have_no_reader(kind: Kind) -> None:
    """What nothing here reads is told by there being no container for it."""
    assert container_for(kind) is None
