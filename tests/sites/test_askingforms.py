"""Forms of Django and Flask that ask before they store, as the page prints them."""

from pathlib import Path

import pytest

from tests.e2e import pictures
from tests.e2e.curl import curl
from tests.ports import free_port
from tests.repository import ROOT
from tests.sites.asking import asked, block, module
from tests.sites.programs import installed, run, server, short_folder

pytestmark = pytest.mark.e2e

PAGE = ROOT / "docs" / "sites.md"
DJANGO = """
import sys
from django.conf import settings
settings.configure()
import django
django.setup()
from django.core.files.uploadedfile import SimpleUploadedFile
from page import PhotoForm
for name in ("listed", "other"):
    photo = SimpleUploadedFile(name, open(name, "rb").read())
    form = PhotoForm({}, {"photo": photo}, client="192.0.2.7")
    print(form.is_valid(), form.is_valid() and form.cleaned_data["photo"].tell())
"""


def test_forms_store_no_listed_picture() -> None:
    """Flask stores what is accepted, whole; Django's form is invalid otherwise."""
    with short_folder() as folder, asked(folder, f"unix:{folder}/api") as filter_:
        module(folder, filter_.api)
        (folder / "photos").mkdir()
        (folder / "listed").write_bytes(pictures.listed())
        (folder / "other").write_bytes(pictures.unlisted())
        (folder / "flaskpage.py").write_text(block(PAGE, "python", holding="# Flask"))
        (folder / "page.py").write_text(block(PAGE, "python", holding="# Django"))
        told = run(installed("python"), "-c", DJANGO, cwd=folder).stdout
        port, here = free_port(), Path(folder)
        serve = f"import os;os.chdir({str(here)!r});import sys;sys.path.insert(0,'.');"
        serve += f"from flaskpage import site;site.run(port={port})"
        command = [installed("python"), "-c", serve]
        url = f"http://127.0.0.1:{port}/photos"
        with server(command, log=folder / "flask.log", ready=port):
            statuses = [
                curl(url, "-F", f"photo=@{folder / name}").status
                for name in ("listed", "other")
            ]
        stored = {it.name: it.read_bytes() for it in (folder / "photos").iterdir()}

    assert told == b"False False\nTrue 0\n"
    assert statuses == [403, 201]
    assert stored == {"other": pictures.unlisted()}
