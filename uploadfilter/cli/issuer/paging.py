"""``uploadfilter issuer page``: the issuer's steps in a browser of this machine."""

import asyncio
from typing import Annotated

import typer

from uploadfilter.cli.issuer.issuer import DEFAULT_FOLDER, FolderOption, acts_on
from uploadfilter.cli.issuer.passphrases import PKCS11Option
from uploadfilter.cli.options import JobsOption
from uploadfilter.cli.output import say, write_data
from uploadfilter.hardening import keep_files_private, leave_no_core
from uploadfilter.scanners.pool.settings import ScannerSettings


def page_command(
    *,
    listen: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="An address of this machine.  [default: any free port of it]",
        ),
    ] = "",
    idle: Annotated[
        int,
        typer.Option(
            "--idle",
            metavar="MINUTES",
            min=1,
            max=24 * 60,
            help="End after this many minutes without a request.",
        ),
    ] = 30,
    pkcs11: PKCS11Option = None,
    jobs: JobsOption = None,
    folder: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Serve the issuer's steps as a page, for a browser on this machine.

    Prints a link that one browser can open once. Ends when the page is closed or idle,
    on SIGTERM, or with Ctrl-C.

    **Example**

        uploadfilter issuer page --folder unit7
    """
    # The server's libraries take as long to load as everything else together.
    from uploadfilter.issuing.page.orders import Orders  # noqa: PLC0415 -- as above
    from uploadfilter.issuing.page.serving import (  # noqa: PLC0415 -- as said above
        PageSettings,
        serve,
    )

    settings = PageSettings(listen=listen, idle_s=idle * 60.0)
    acts = acts_on(folder.absolute())
    # The memory of this process will hold keys and passphrases.
    leave_no_core()
    keep_files_private()
    scanners = ScannerSettings() if jobs is None else ScannerSettings(workers=jobs)
    orders = Orders(acts, scanners, pkcs11)
    say("open this link in a browser on this machine; it works once:")
    asyncio.run(serve(orders, settings, announce=_announce))
    say("the page is closed")


def _announce(link: str) -> None:
    write_data(link.encode() + b"\n")
