"""``uploadfilter serve``: run the upload proxy.

Everything that can be wrong with the command line or the configuration file is found
before the service starts; ``config`` and ``service`` say what.
"""

from pathlib import Path
from typing import Annotated

import typer

from uploadfilter.cli.options import InstanceOption, StateOption, default_state


def serve(
    *,
    origin: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The hosting service behind the proxy."),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where to listen; port 0 picks one."),
    ] = None,
    state: StateOption = None,
    mode: Annotated[
        str | None,
        typer.Option(
            metavar="monitor|enforce",
            help="Only record, or also reject.  [default: monitor]",
            show_default=False,
        ),
    ] = None,
    config_file: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="TOML file with the same settings and more; options win over it.",
        ),
    ] = None,
    instance: InstanceOption = None,
) -> None:
    """Run the upload proxy before an origin.

    Stops on SIGTERM or Ctrl-C, after the uploads in flight.

    **Examples**

        uploadfilter serve --origin http://127.0.0.1:8081 --listen 127.0.0.1:8080

        uploadfilter serve --config /etc/uploadfilter.toml --mode enforce
    """
    # The server's libraries take as long to load as everything else together, and no
    # other command needs them.
    from uploadfilter import config, service  # noqa: PLC0415 -- as said above

    overrides = {
        "origin": origin,
        "listen": listen,
        "state": None if state is None else str(state),
        "mode": mode,
        "instance": instance,
    }
    service.run(
        config.load(config_file, overrides=overrides, default_state=default_state())
    )
