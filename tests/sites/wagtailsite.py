"""Wagtail, a site on Django, as ``wagtail start`` makes it, with its data in SQLite."""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port
from tests.sites.programs import installed, run, server

USER = "keeper"
"""The name of the site's administrator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wagtail:
    """A running Wagtail.

    Attributes:
        origin: Its URL.
        media: The folder of its received files.
        password: The password of ``USER``.
    """

    origin: str
    media: Path
    password: str


@contextlib.contextmanager
def wagtail(folder: Path) -> Iterator[Wagtail]:
    """Make a site and run it for the length of the block.

    Args:
        folder: For everything.
    """
    program, python = installed("wagtail"), installed("python")
    site, password, port = folder / "site", secrets.token_hex(12), free_port()
    site.mkdir()
    run(program, "start", "lakes", site)
    run(python, "manage.py", "migrate", cwd=site)
    run(
        *(python, "manage.py", "createsuperuser", "--noinput"),
        *("--username", USER, "--email", "keeper@site.example"),
        cwd=site,
        env={"DJANGO_SUPERUSER_PASSWORD": password},
    )
    with server(
        [python, str(site / "manage.py"), "runserver", "--noreload", str(port)],
        log=folder / "wagtail.log",
        ready=port,
    ):
        yield Wagtail(
            origin=f"http://127.0.0.1:{port}", media=site / "media", password=password
        )
