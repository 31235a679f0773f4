"""``uploadfilter witness``: sign the checkpoints of logs that only grow."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from uploadfilter.cli.options import present_s
from uploadfilter.cli.output import say
from uploadfilter.decisions.tree.notes import Verifier
from uploadfilter.errors import UsageError
from uploadfilter.hardening import keep_files_private, leave_no_core

_PORTS = 1 << 16


def witness(
    *,
    folder: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Where the witness keeps its key and checkpoints."
        ),
    ],
    log: Annotated[
        list[str],
        typer.Option(
            "--log",
            metavar="KEY",
            help="The public key of a log: NAME+ID+KEY. May be repeated.",
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its name; needed the first time only."),
    ] = None,
    listen: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="The address to listen on; port 0 takes any free port.",
        ),
    ] = "127.0.0.1:8092",
) -> None:
    """Run a witness: it signs a log's checkpoint only if it continues the last one.

    Anybody can run one, for any log of the C2SP formats. Ends on SIGTERM or Ctrl-C.

    **Example**

        uploadfilter witness --folder w --name witness.example.org/1
        --log "$(cat log.key)"
    """
    # The server's libraries take as long to load as everything else together.
    from uploadfilter.service.operational import configure  # noqa: PLC0415 -- see above
    from uploadfilter.witness.keeping import WitnessKeeper  # noqa: PLC0415 -- see above
    from uploadfilter.witness.serving import serve  # noqa: PLC0415 -- as said above

    host, port = _address(listen)
    logs = [_key(text) for text in log]
    with WitnessKeeper.opened(folder, name=name, logs=logs, clock=present_s) as keeper:
        configure()
        leave_no_core()
        keep_files_private()
        say(f"the public key of this witness: {keeper.public.text}")
        asyncio.run(
            serve(
                keeper,
                host,
                port,
                announce=lambda url: say(f"listening on {url}/add-checkpoint"),
            )
        )


def _key(text: str) -> Verifier:
    try:
        return Verifier.parse(text)
    except ValueError as exc:
        raise UsageError(
            f"--log: {exc}", hint="It stands in the file 'tree/key' of the log."
        ) from exc


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) >= _PORTS:
        raise UsageError(
            f"--listen: {listen!r} is not an address",
            hint="Give HOST:PORT, for example 127.0.0.1:8092 or [::1]:8092.",
        )
    return host.removeprefix("[").removesuffix("]"), int(port)
