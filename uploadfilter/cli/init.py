"""``uploadfilter init``: make the state directory with an empty reference set."""

from uploadfilter.cli.options import StateOption
from uploadfilter.cli.output import say
from uploadfilter.cli.writing import directory_to_write


def init(*, state: StateOption = None) -> None:
    """Make the state directory with a key and an empty reference set.

    An existing reference set is not changed. With an empty reference set nothing
    matches; without a reference set the proxy answers 503.

    **Example**

        uploadfilter init --state /var/lib/uploadfilter
    """
    directory = directory_to_write(state, create=True)
    place = str(directory.path.parent)
    if directory.init():
        say(f"made an empty reference set in {place!r}")
    else:
        say(f"{place!r} already has a reference set; nothing was changed")
