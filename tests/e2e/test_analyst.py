"""An analyst with a case: from a folder, or another program's export, to a hash set.

Every command is run as the page prints it, by a shell, with the installed program.
"""

import hashlib
import json
import os
import pty
import re
import select
import shlex
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import running
from tests.corpus import pictures
from tests.hashsets.reading import read
from tests.repository import ROOT
from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets.foreign.recognising import HEAD_BYTES, refuse_foreign
from uploadfilter.issuing.wording import entries

pytestmark = pytest.mark.e2e

PAGE = (ROOT / "hashsets" / "FORMAT.md").read_text(encoding="utf-8")
ONE, TWO = "c8a9e1d2f3b4a5968778695a4b3c2d1e", "1e2d3c4b5a69788796a5b4f3d2e1a9c8"
SHA1 = f"{TWO}01234567"
PDQ = "f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22"


def shell(command: str, folder: Path) -> str:
    """Run a line of the page in a folder, where ``uploadfilter`` is on the path."""
    path = f"{Path(running.program()).parent}:{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S602 -- commands of this project's page
        command,
        shell=True,
        cwd=folder,
        env={**running.environment(folder / "state"), "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def typed(command: str, folder: Path, *answers: tuple[str, str]) -> str:
    """Type a command on a terminal, and each answer after its question.

    Args:
        command: A line of the page.
        folder: The folder in which it is typed.
        answers: Questions, in their order, each with its answer.

    Returns:
        The text on the terminal.
    """
    ours, its = pty.openpty()
    with (
        subprocess.Popen(  # noqa: S603 -- commands of this project's page
            [running.program(), *shlex.split(command)[1:]],
            cwd=folder,
            env={**running.environment(folder / "state"), "COLUMNS": "200"},
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        ) as process
    ):
        os.close(its)
        shown, at = "", 0
        waiting = list(answers)
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            if not select.select([ours], [], [], 60)[0]:
                process.kill()
                pytest.fail(f"nothing more was shown after: {shown}")
            try:
                shown += os.read(ours, 4096).decode()
            except OSError:  # the terminal is closed
                break
            # The blank comes after the terminal stopped to show typed letters.
            if waiting and waiting[0][0] in shown[at:] and shown.endswith(" "):
                at = len(shown)
                os.write(ours, f"{waiting.pop(0)[1]}\n".encode())
    os.close(ours)
    assert process.returncode == 0, shown
    assert waiting == [], shown
    return shown


def section(number: int) -> str:
    """Return one section of the page."""
    parts = re.split(r"^## (\d+)\. ", PAGE, flags=re.MULTILINE)
    return parts[parts.index(str(number)) + 1]


def blocks(text: str, kind: str) -> list[str]:
    """Return the blocks of a kind in a section."""
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Return a folder with what lies in one beside pictures."""
    folder = tmp_path / "folder"
    folder.mkdir()
    picture = pictures.jpeg(pictures.photograph(7))
    (folder / "holiday.jpg").write_bytes(picture)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"broken" * 40)
    (folder / "notes.txt").write_text("look at these again")
    thumbs = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
    (folder / "Thumbs.db").write_bytes(thumbs)
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("more.jpg", pictures.jpeg(pictures.photograph(8)))
    return folder


def test_recipe_lists_pictures_and_nothing_else(tmp_path: Path, case: Path) -> None:
    """Section 6 as printed: one entry, and the rest is named to be looked at."""
    scan, short, listing, rest, trying = blocks(section(6), "sh")
    (program,) = blocks(section(6), "jq")
    (tmp_path / "short.jq").write_text(program)
    digest = hashlib.sha256((case / "holiday.jpg").read_bytes()).hexdigest()

    shell(scan + short + listing, tmp_path)
    entries = [
        json.loads(line) for line in (tmp_path / "unit7.jsonl").read_text().splitlines()
    ]
    left_out = shell(rest, tmp_path)
    said = shell(trying, tmp_path)

    assert [entry["sha256"] for entry in entries] == [digest]
    assert (tmp_path / "unit7.txt").read_text() == f"{digest}\n"
    assert sorted(left_out.split()) == [
        "folder/Thumbs.db",
        "folder/broken.png",
        "folder/more.zip",
        "folder/notes.txt",
    ]
    assert "imported 'unit7': 1 entry " in said
    sent = hashlib.sha256((tmp_path / "unit7.jsonl").read_bytes()).hexdigest()
    assert said.count(sent) == 2


def test_entry_that_may_be_no_picture_is_pointed_out(tmp_path: Path) -> None:
    """A maker of both kinds of signals gave a file none that shows a picture."""
    entries = [
        {"id": "picture", "category": "1", "sha256": "ab" * 32, "pdq": PDQ},
        {"id": "notes", "category": "1", "sha256": "cd" * 32},
        {"id": "meant", "category": "1", "sha256": "ef" * 32, "exact_only": True},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, entries)))

    said = shell(
        "uploadfilter hashset import a.jsonl --name a --category 1; "
        "uploadfilter hashset list a --json",
        tmp_path,
    )

    assert "1 entries have only exact signals" in said
    assert '"exact_alone":1' in said


VICS: dict[str, Any] = {
    "@odata.context": "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml"
    "/UK/$metadata#Media",
    "value": [
        {"MediaID": 7, "Category": 1, "MD5": ONE.upper(), "SHA1": "", "PhotoDNA": "x"},
        {
            "MediaID": 8,
            "Category": 0,
            "MD5": TWO.upper(),
            "AlternativeHashes": [{"HashName": "PDQ", "HashValue": PDQ}],
        },
    ],
}
CASES = {
    "odata.metadata": "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Cases",
    "value": [{"CaseID": "{a}", "Media": VICS["value"], "TotalMediaFiles": 2}],
}
NCMEC = f"""<?xml version="1.0" encoding="UTF-8"?>
<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
 <images count="2"><image><member id="42">A</member><id>image1</id>
  <classification>1</classification><fingerprints><md5>{ONE}</md5><pdna>x</pdna>
  <pdq>{PDQ}</pdq></fingerprints></image>
  <deletedImage><member id="43">B</member><id>image4</id></deletedImage></images>
 <videos><video><member id="44">B</member><id>v</id>
  <classification>1</classification><fingerprints><md5>{TWO}</md5></fingerprints></video></videos>
</queryResult>"""
STOPNCII = {
    "hashRecords": [
        {"signalType": "ImagePDQ", "hashValue": PDQ, "hashStatus": "Active"},
        {"signalType": "VideoMD5", "hashValue": ONE, "hashStatus": "Active"},
        {"signalType": "ImagePDQ", "hashValue": PDQ, "hashStatus": "Withdrawn"},
    ]
}
ARACHNID: list[dict[str, str]] = [
    {"sha1_base32": "D4WTYS22NF4IPFVFWTZ5FYNJZAASGRLH", "classification": "1"}
]
STIX = {
    "type": "bundle",
    "objects": [
        {"type": "file", "id": "file--1", "hashes": {"MD5": ONE, "SHA-1": SHA1}},
        {"type": "identity", "id": "identity--1"},
    ],
}
MISP = {
    "Event": {
        "Attribute": [
            {"type": "md5", "value": ONE, "uuid": "u-1", "category": "Payload"},
            {"type": "filename", "value": "a", "uuid": "u-2", "category": "Payload"},
        ]
    }
}
HASHDEEP = (
    "%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: /case\n"
    f"## \n1051,{ONE},{'ab' * 32},/case/a.jpg\n"
)


@pytest.mark.parametrize(
    ("export", "ids"),
    [
        pytest.param(ARACHNID, [ARACHNID[0]["sha1_base32"]], id="arachnid"),
        pytest.param(STIX, ["file--1"], id="stix"),
        pytest.param([{"id": "a", "category": "1", "md5": ONE}], ["a"], id="json"),
    ],
)
def test_foreign_export_is_converted(
    tmp_path: Path, export: str | dict[str, Any] | list[Any], ids: list[str]
) -> None:
    """The command of the message makes entries of it that are read without a word."""
    data = text_of(export)
    (tmp_path / "FILE").write_bytes(data)
    with pytest.raises(HashSetFormatError) as caught:
        refuse_foreign(data[:HEAD_BYTES])

    complaint = shell(caught.value.hint.partition("Convert it: ")[2], tmp_path)
    found, tally = read((tmp_path / "NEW.jsonl").read_bytes(), categories=None)

    assert complaint == ""
    assert found == ids
    assert (tally.problems, tally.ignored_fields) == ((), {})


def text_of(export: str | dict[str, Any] | list[Any]) -> bytes:
    """Return an export as programs write it, with a byte order mark."""
    text = export if isinstance(export, str) else json.dumps(export)
    return b"\xef\xbb\xbf" + text.encode()


@pytest.mark.parametrize(
    ("export", "title", "ids", "categories"),
    [
        pytest.param(CASES, "VICS 1.3", ["7", "8"], "10", id="vics-1.3-cases"),
        pytest.param(
            NCMEC, "an answer of NCMEC", ["42-image1", "44-v"], "1", id="ncmec"
        ),
        pytest.param(STOPNCII, "an answer of Stop", ["auto-"] * 2, "1", id="stopncii"),
        pytest.param(MISP, "an event of MISP", ["u-1"], ["Payload"], id="misp"),
    ],
)
def test_foreign_export_is_read_as_it_is(
    tmp_path: Path,
    export: str | dict[str, Any] | list[Any],
    title: str,
    ids: list[str],
    categories: Sequence[str],
) -> None:
    """With the preview first, and then by the categories that it shows."""
    options = " ".join(f"--category {category}" for category in categories)
    (tmp_path / "the export").write_bytes(text_of(export))

    said = shell("uploadfilter hashset import 'the export' --preview", tmp_path)
    report = shell(
        f"uploadfilter hashset import 'the export' --name a {options}; "
        "uploadfilter hashset list a --json",
        tmp_path,
    )

    assert f"the file is {title}" in said
    assert f"imported 'a': {entries(len(ids))} (" in report
    (shown,) = (line for line in report.splitlines() if line.startswith('{"name"'))
    found = json.loads(shown)["first_ids"]
    assert all(map(str.startswith, found, ids))


def test_list_of_hashdeep_is_read_as_it_is(tmp_path: Path) -> None:
    """From a file whose name has a blank; the category is the operator's."""
    (tmp_path / "the export").write_bytes(text_of(HASHDEEP))
    report = shell(
        "uploadfilter hashset import 'the export' --name a --category 1; "
        f"uploadfilter lookup md5 {ONE} --json",
        tmp_path,
    )

    assert "imported 'a'" in report
    assert '"set":"a"' in report


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_preview_counts_what_an_import_takes(tmp_path: Path, encoding: str) -> None:
    """For a table without options: 16 of 17 lines, and the columns that are read."""
    rows = [f"{number:032X};f{number}.jpg;{number}" for number in range(0xA1, 0xB1)]
    table = "\r\n".join(["MD5;filename;size", *rows, ""])
    (tmp_path / "export.csv").write_bytes(table.encode(encoding))

    said = shell("uploadfilter hashset import export.csv --preview", tmp_path)
    report = shell(
        "uploadfilter hashset import export.csv --name a --category 1 --yes", tmp_path
    )

    assert "16 entries of 17 lines can be taken" in said
    assert "columns that are not read: 'filename', 'size'" in said
    assert "imported 'a': 16 entries" in report


def test_table_without_a_heading_is_read_by_numbers(tmp_path: Path) -> None:
    """The message says the option, and with it every row is an entry."""
    (tmp_path / "a.csv").write_text(f"a.jpg,{ONE},17\nb.jpg,{TWO},18\n")

    said = shell("uploadfilter hashset import a.csv --preview", tmp_path)
    report = shell(
        "uploadfilter hashset import a.csv --map md5=2 --name a --category 1", tmp_path
    )

    assert "--map md5=2 (32 digits)" in said
    assert "imported 'a': 2 entries (monitored) from 2 lines" in report


def test_withdrawn_entry_stays_out_until_it_is_listed_again(tmp_path: Path) -> None:
    """By an import without its line; a rollback says so, and so does its return."""
    line = '{{"id":"{}","category":"1","md5":"{}"}}\n'
    one, two = line.format("one", ONE), line.format("two", TWO)
    (tmp_path / "both.jsonl").write_text(one + two)
    (tmp_path / "one.jsonl").write_text(one)
    bring = "uploadfilter hashset import {}.jsonl --name unit7 --category 1; "
    look = f"uploadfilter lookup md5 {TWO} --json; "

    dropped = shell(bring.format("both") + bring.format("one"), tmp_path)
    back = shell("uploadfilter hashset rollback --yes; " + look, tmp_path)
    again = shell(
        f"uploadfilter hashset rollback --release; {bring.format('both')}{look}",
        tmp_path,
    )

    assert "1 earlier entries are withdrawn" in dropped
    assert "1 entries of 'unit7' stay withdrawn" in back
    assert '"entry":"two"' not in back
    assert "1 entries that were withdrawn are listed again" in again
    assert '"entry":"two"' in again


def test_export_of_a_case_system_is_staged_as_it_is(tmp_path: Path) -> None:
    """No message sends an analyst round; the page names the conversion, too."""
    (tmp_path / "FILE").write_bytes(text_of(VICS))
    (tmp_path / "p").write_text("four words of mine")
    (tmp_path / "p").chmod(0o600)
    shell(
        "uploadfilter issuer key k --name k --passphrase-file p; "
        "uploadfilter issuer new unit7 --set unit7 --issuer Unit --root k.pub "
        "--analyst k.pub --duty k.pub --online k.pub --root-threshold 1 "
        "--analyst-threshold 1",
        tmp_path,
    )

    asked = shell("uploadfilter issuer propose FILE --folder unit7", tmp_path)
    staged = shell(
        "uploadfilter issuer propose FILE --category 1 --folder unit7", tmp_path
    )
    made = shell(
        "uploadfilter hashset convert FILE built.jsonl --category 1; "
        "uploadfilter issuer propose built.jsonl --folder unit7",
        tmp_path,
    )

    assert "categories found: '1' 1" in asked
    assert "--category" in asked
    assert "1 entry is added" in staged
    assert "1 entry is added" in made
    page = (ROOT / "docs" / "issuing.md").read_text(encoding="utf-8")
    assert "uploadfilter hashset convert" in page


SECRET = "four words of mine"  # noqa: S105 -- of a test
ISSUING = (ROOT / "docs" / "issuing.md").read_text(encoding="utf-8")


def commands_below(heading: str) -> list[str]:
    """Return the commands of the page for analysts below a heading."""
    _, _, text = ISSUING.partition(f"\n## {heading}\n")
    return "".join(blocks(text.partition("\n## ")[0], "sh")).splitlines()


def test_analyst_comes_to_a_set_in_four_commands_and_to_the_next_in_three(
    tmp_path: Path,
) -> None:
    """Typed on a terminal, where all questions are asked; it was 17, and then 7."""
    create, propose, sign, publish = commands_below("The first set: four commands")
    again, second, last = commands_below("Each next set: three commands")
    folder = tmp_path / "pictures" / "1"
    folder.mkdir(parents=True)
    (folder / "7.png").write_bytes(pictures.png(pictures.photograph(7)))
    names = ("ann", "bob", "dora", "eve", "fay", "machine")
    twice = [
        (question.format(name), SECRET)
        for name in names
        for question in ("Passphrase of the new key of {}:", "confirm")
    ]
    signing = ("Sign this?", "y")

    typed(
        "uploadfilter issuer new unit7",
        tmp_path,
        ("Name of the set", "unit7"),
        ("Issuer: a unit", "Police unit 7"),
        ("Holders of the root keys", "ann bob"),
        ("Analysts", "dora eve"),
        ("Officers on duty", "fay"),
        *twice,
    )
    made = (tmp_path / "unit7" / "issuer.json").read_text()
    proposed = typed(propose, tmp_path)
    keys = [(f"'{name}.key'", SECRET) for name in ("ann", "bob", "fay", "dora", "eve")]
    typed(sign, tmp_path, signing, *keys)
    first = typed(publish, tmp_path, ("'machine.key'", SECRET))
    (folder / "8.png").write_bytes(pictures.png(pictures.photograph(8)))
    typed(again, tmp_path, signing, ("'dora.key'", SECRET))
    typed(second, tmp_path, signing, ("'eve.key'", SECRET))
    next_one = typed(last, tmp_path, ("'machine.key'", SECRET))

    assert create.startswith("uploadfilter issuer new unit7 --set unit7")
    assert "Police unit 7" in made
    assert "hashset: needs 2 signatures of dora, eve (has 0)" in proposed
    assert "Number 1 is published." in first
    assert "Number 2 is published." in next_one
    assert (tmp_path / "stick" / "metadata" / "timestamp.json").exists()
