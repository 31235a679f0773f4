"""``uploadfilter init``: make the state directory with an empty reference set."""

from uploadfilter.acting import current_actor
from uploadfilter.cli.acting import state_to_write
from uploadfilter.cli.options import StateOption, create_state
from uploadfilter.cli.output import say
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory


def init(*, state: StateOption = None) -> None:
    """Make the state directory with a key and an empty reference set.

    What is there already stays as it is. An empty reference set that was made on
    purpose is served; a missing one makes the proxy answer 503.

    **Example**

        uploadfilter init --state /var/lib/uploadfilter
    """
    actor = current_actor()
    path = state_to_write(state)
    create_state(path)
    reference = ReferenceDirectory(path / REFERENCE_DIRECTORY, actor=lambda: actor)
    if reference.init():
        say(f"made an empty reference set in {str(path)!r}")
    else:
        say(f"there is a reference set in {str(path)!r} already; nothing was changed")
