"""``uploadfilter forms``: run the public forms and the page of reviewers."""

import os

from uploadfilter.cli.acting import become_owner
from uploadfilter.cli.options import ConfigOption, StateOption, config_file
from uploadfilter.cli.places import default_place


def forms(*, config_path: ConfigOption = None, state: StateOption = None) -> None:
    """Run the forms for objections and notices, and the page of reviewers.

    It is a process of its own beside the proxies of the machine, with the same
    configuration file and state directory. Ends on SIGTERM or Ctrl-C.

    **Example**

        uploadfilter forms --config /etc/uploadfilter/uploadfilter.toml
    """
    # The server's libraries take as long to load as everything else together.
    from uploadfilter import config  # noqa: PLC0415 -- as said above
    from uploadfilter.service.forms import run  # noqa: PLC0415 -- as said above

    path = config_file(config_path)
    settings = config.load(
        path,
        overrides={"state": None if state is None else str(state)},
        default_state=default_place(path).path,
        environ=dict(os.environ),
    )
    become_owner(settings.state)
    run(settings)
