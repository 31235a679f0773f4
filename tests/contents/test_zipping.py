"""Zip files give what any reader would find in them."""

import zipfile

import pytest

from tests.conformance.containers import CHECKS, Check, Subject
from tests.contents.zips import streamed, zipped
from uploadfilter.contents.zipping import ZipContainer

TEXT = b"".join(b"%d sheep; " % number for number in range(100))
MEMBERS = {"a.txt": TEXT, "b/c.txt": TEXT[::-1], "é.bin": bytes(range(256))}
EXPECTED = tuple(MEMBERS.items())

SUBJECT = Subject(
    container=ZipContainer(),
    members={
        zipped(MEMBERS): EXPECTED,
        zipped(MEMBERS, zipfile.ZIP_STORED): EXPECTED,
        zipped(MEMBERS, zipfile.ZIP_BZIP2): EXPECTED,
        zipped(MEMBERS, zipfile.ZIP_LZMA): EXPECTED,
        streamed(MEMBERS): EXPECTED,
        zipped({}): (),
    },
    bomb=zipped({f"{n}": bytes(3 * 1024 * 1024) for n in range(3)}),
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_zip_conforms(check: Check) -> None:
    """Zip passes the suite of containers."""
    check(SUBJECT)
