"""``uploadfilter serve``: run the upload proxy.

Mistakes in the command line and in the configuration file are found before the service
starts; ``config`` and ``service`` report them.
"""

import os
from functools import partial
from typing import Annotated

import typer

from uploadfilter.cli.acting import become_owner
from uploadfilter.cli.options import (
    ConfigOption,
    InstanceOption,
    StateOption,
    config_file,
    given,
)
from uploadfilter.cli.places import default_place


def serve(
    context: typer.Context,
    *,
    origin: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The URL of the hosting service behind the proxy.",
            envvar="UPLOADFILTER_ORIGIN",
        ),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="The address to listen on; port 0 takes any free port.",
            envvar="UPLOADFILTER_LISTEN",
        ),
    ] = None,
    state: StateOption = None,
    mode: Annotated[
        str | None,
        typer.Option(
            metavar="monitor|enforce",
            help="monitor only records; enforce also rejects.  [default: monitor]",
            envvar="UPLOADFILTER_MODE",
        ),
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(
            metavar="unix:PATH|HOST:PORT",
            help="Where applications and front ends ask about uploads over HTTP.",
        ),
    ] = None,
    clamd: Annotated[
        str | None,
        typer.Option(
            metavar="unix:PATH|HOST:PORT",
            help="Where programs ask that know ClamAV's daemon, such as Nextcloud.",
        ),
    ] = None,
    config_path: ConfigOption = None,
    instance: InstanceOption = None,
) -> None:
    """Run the upload proxy in front of an origin, or answer who asks about uploads.

    SIGTERM or Ctrl-C stops it after the uploads in flight have finished. SIGHUP makes
    it read the configuration file again.

    **Examples**

        uploadfilter serve --origin http://127.0.0.1:8081 --listen 127.0.0.1:8080

        uploadfilter serve --api "unix:/run/uploadfilter/api mode=0660 group=www-data"

        uploadfilter serve --config /etc/uploadfilter/uploadfilter.toml --mode enforce
    """
    # The server's libraries take as long to load as everything else together, and no
    # other command needs them.
    from uploadfilter import config  # noqa: PLC0415 -- as said above
    from uploadfilter.service import serving  # noqa: PLC0415 -- as said above

    overrides = {
        "origin": origin,
        "listen": listen,
        "state": None if state is None else str(state),
        "mode": mode,
        "api": api,
        "clamd": clamd,
        "instance": instance,
    }
    path = config_file(config_path)
    read = partial(
        config.read,
        path,
        overrides=given(context, overrides),
        default_state=default_place(path).path,
        environ=dict(os.environ),
    )
    loaded = read()
    # The service writes its log and its keys there.
    become_owner(loaded.settings.state)
    serving.run(loaded, read=read)
