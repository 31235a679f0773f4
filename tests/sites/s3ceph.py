"""The gateway of Ceph, a store that speaks S3 and checks every signature.

It keeps everything in one file of SQLite, so that it needs no cluster. As such it joins
parts wrongly, without the filter as well, so that only their digests say what came.
"""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from string import Template

from tests.ports import free_port
from tests.sites.programs import debian, server
from tests.sites.s3store import Store

ADMIN_S = 30
"""Seconds after which the program that makes a user is ended; it takes one."""

_CONFIG = Template("""\
[global]
rgw backend store = dbstore
rgw config store = dbstore
dbstore db dir = $folder
dbstore config uri = file:$folder/config.db
rgw thread pool size = 1
rgw data = $folder
auth cluster required = none
auth service required = none
auth client required = none
rgw frontends = beast endpoint=127.0.0.1:$port
log file = $folder/ceph.log
run dir = $folder
admin socket = $folder/ceph.asok
pid file =
""")


@contextlib.contextmanager
def ceph(folder: Path) -> Iterator[Store]:
    """Run the gateway with one user for the length of the block.

    Args:
        folder: For its files.
    """
    program = debian("radosgw", package="radosgw")
    admin = debian("radosgw-admin", package="radosgw")
    port, config = free_port(), folder / "ceph.conf"
    config.write_text(_CONFIG.substitute(folder=folder, port=port))
    options = ("-c", str(config), "-n", "client.admin", "--no-mon-config")
    command = [program, *options, "-f"]
    url, secret = f"http://127.0.0.1:{port}", "a-secret-of-tests"
    store = Store(origin=url, key="keeper", secret=secret)
    keys = (f"--access-key={store.key}", f"--secret-key={store.secret}")
    user = ("user", "create", "--uid=keeper", "--display-name=keeper", *keys)
    with server(command, log=folder / "ceph.out", ready=port):
        # Seen twice: it has made the user and written it down, and never ends. Without
        # the user, each client is refused.
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(  # noqa: S603 -- a program of Debian
                [admin, *options, *user],
                check=True,
                capture_output=True,
                timeout=ADMIN_S,
            )
        yield store
