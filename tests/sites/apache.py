"""Apache with ``mod_dav``, which writes ranges of files in place."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.ports import free_port
from tests.sites.programs import debian, missing, server, short_folder

MODULES: Final = Path("/usr/lib/apache2/modules")
"""Where Debian keeps them."""

_NEEDED: Final = ("mpm_event", "authz_core", "dav", "dav_fs")

_USER: Final = "www-data"
"""Apache serves nothing as root, and its user has to reach the folder."""


@contextlib.contextmanager
def apache() -> Iterator[tuple[str, Path]]:
    """Run Apache for the length of the block.

    Yields:
        Its URL, and the folder that it serves to anybody.
    """
    program, port = debian("apache2", package="apache2-bin"), free_port()
    if not MODULES.is_dir():
        missing(str(MODULES), cure="apt: apache2-bin")
    with short_folder() as folder:
        served, locks = folder / "served", folder / "locks"
        config = folder / "apache.conf"
        lines = [
            f"ServerRoot {folder}",
            "ServerName localhost",
            f"Listen 127.0.0.1:{port}",
            f"PidFile {folder}/pid",
            f"ErrorLog {folder}/error.log",
            *(f"LoadModule {n}_module {MODULES}/mod_{n}.so" for n in _NEEDED),
            f"DavLockDB {locks}/db",
            f"DocumentRoot {served}",
            f"<Directory {served}>",
            "Dav On",
            "Require all granted",
            "</Directory>",
        ]
        for path in (served, locks):
            path.mkdir()
        if os.geteuid() == 0:
            lines += [f"User {_USER}", f"Group {_USER}"]
            folder.chmod(0o755)
            for path in (served, locks):
                shutil.chown(path, _USER, _USER)
        config.write_text("\n".join([*lines, ""]))
        command = [program, "-f", str(config), "-D", "FOREGROUND"]
        with server(command, log=folder / "apache.log", ready=port):
            yield f"http://127.0.0.1:{port}", served
