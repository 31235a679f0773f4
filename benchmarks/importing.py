"""How many rows of each format are imported a second, and in how much memory?

Each format is generated (values are random), and the installed command reads it twice:
``--preview`` reads and checks, the import writes the reference set as well. A figure is
the CPU time of the whole process, user and system, minus that of the same command for a
file of one row. Memory is the peak of the process's own memory.
"""

import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness import Options, Report

SEED = 69
ROWS = 1_000_000
QUICK_ROWS = 5_000
_ROWS_AT_ONCE = 20_000
_POLL_S = 0.02
PACKAGES = ("msgspec", "numpy", "lmdb")
_SPACE = "https://hashsharing.ncmec.org/hashsharing/v2"
_VICS = (
    '{"@odata.context":"http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/'
    'US/$metadata#Media","value":['
)


class Form(NamedTuple):
    """A format, and how a file of it is written.

    Attributes:
        start: Text before the rows.
        row: Makes a row from its number and a source of values.
        between: Text between rows.
        end: Text after the rows.
        options: Options of the import.
    """

    start: str
    row: Callable[[int, random.Random], str]
    between: str
    end: str
    options: tuple[str, ...] = ()


def _list(_: int, rng: random.Random) -> str:
    return rng.randbytes(16).hex()


def _md5sum(number: int, rng: random.Random) -> str:
    return f"{rng.randbytes(16).hex()}  folder/{number}.jpg"


def _csv(number: int, rng: random.Random) -> str:
    md5, sha1 = rng.randbytes(16).hex(), rng.randbytes(20).hex()
    return f"{number};1;{md5.upper()};{sha1.upper()};{number}.jpg;y"


def _json_line(number: int, rng: random.Random) -> str:
    md5, sha1 = rng.randbytes(16).hex(), rng.randbytes(20).hex()
    return f'{{"id":"p-{number}","category":"1","md5":"{md5}","sha1":"{sha1}"}}'


def _medium(number: int, rng: random.Random) -> str:
    md5, sha1 = rng.randbytes(16).hex().upper(), rng.randbytes(20).hex().upper()
    return (
        f'{{"MediaID":{number},"Category":1,"MD5":"{md5}","SHA1":"{sha1}",'
        '"MediaSize":2835,"DateUpdated":"2025-01-02T03:04:05.0000Z",'
        '"IsPrecategorized":"false","IsDistributed":"true","Series":"","Tags":""}'
    )


def _rich_medium(number: int, rng: random.Random) -> str:
    md5 = rng.randbytes(16).hex().upper()
    medium = json.loads(_medium(number, rng))
    medium["PhotoDNA"] = base64.b64encode(rng.randbytes(144)).decode()
    medium["AlternativeHashes"] = [
        {"MD5": md5, "HashName": "PDQ", "HashValue": rng.randbytes(32).hex()}
    ]
    medium["MediaFiles"] = [
        {"MD5": md5, "FileName": f"{number}.jpg", "FilePath": "C:\\Users\\x"}
    ]
    medium["Exifs"] = [{"MD5": md5, "PropertyName": "Make", "PropertyValue": "x"}]
    return json.dumps(medium)


def _image(number: int, rng: random.Random) -> str:
    return (
        f'<image><member id="42">M</member><timestamp>2017-10-24T15:00:00Z</timestamp>'
        f"<id>i{number}</id><classification>1</classification><fingerprints>"
        f"<md5>{rng.randbytes(16).hex()}</md5><sha1>{rng.randbytes(20).hex()}</sha1>"
        f"<pdq>{rng.randbytes(32).hex()}</pdq></fingerprints></image>"
    )


def _indicator(number: int, rng: random.Random) -> str:
    return (
        f'{{"id":"{number}","type":"HASH_PDQ","indicator":"{rng.randbytes(32).hex()}",'
        '"should_delete":false,"descriptors":{"data":[{"id":"7","status":"MALICIOUS",'
        '"tags":["x"],"added_on":"2020-07-01T18:31:15+0000"}]}}'
    )


def _record(number: int, rng: random.Random) -> str:
    return (
        f'{{"lastModtimestamp":{number},"signalType":"ImagePDQ","hashStatus":"Active",'
        f'"hashValue":"{rng.randbytes(32).hex()}","caseNumbers":{{"a":"Active"}}}}'
    )


def _attribute(number: int, rng: random.Random) -> str:
    return (
        f'{{"uuid":"u-{number}","type":"sha256","category":"1","to_ids":true,'
        f'"value":"{rng.randbytes(32).hex()}","timestamp":"1625175071","comment":""}}'
    )


FORMS = {
    "list": Form("", _list, "\n", "\n"),
    "md5sum": Form("", _md5sum, "\n", "\n"),
    "csv": Form("ID;Category;MD5;SHA1;Name;Baseline\n", _csv, "\n", "\n", ("--yes",)),
    "json_lines": Form("", _json_line, "\n", "\n"),
    "vics": Form(_VICS, _medium, ",", "]}"),
    "vics_rich": Form(_VICS, _rich_medium, ",", "]}"),
    "ncmec": Form(
        f'<queryResult xmlns="{_SPACE}"><images>',
        _image,
        "\n",
        "</images></queryResult>",
    ),
    "threatexchange": Form('{"data":[', _indicator, ",", "]}"),
    "stopncii": Form('{"hashRecords":[', _record, ",", "]}"),
    "misp": Form('{"response":{"Attribute":[', _attribute, ",", "]}}"),
}
"""All formats that the import reads, with the fields of real exports."""


class Run(NamedTuple):
    """The cost of a command.

    Attributes:
        cpu_s: CPU time, user and system.
        peak: Peak of its own memory, in bytes.
    """

    cpu_s: float
    peak: int


def measure(options: Options, _folder: Path) -> Report:
    """Import a file of each format; return rows a second of CPU, and memory."""
    rows = QUICK_ROWS if options.quick else ROWS
    found = [measure_format(form, rows, name) for name, form in FORMS.items()]
    return Report(rows=found, figures={"seed": SEED, "rows_a_file": rows})


def measure_format(form: Form, rows: int, name: str) -> dict[str, object]:
    """Import a file of a format; return rows a second of CPU, and memory."""
    with tempfile.TemporaryDirectory(prefix="uploadfilter-import-") as folder:
        one, many = Path(folder, "one"), Path(folder, "many")
        _write(one, form, 1)
        _write(many, form, rows)
        size = many.stat().st_size
        started = _run(one, form, folder, preview=True).cpu_s
        reading = _run(many, form, folder, preview=True)
        importing = _run(many, form, folder, preview=False)
    return {
        "format": name,
        "file_mb": round(size / 1e6),
        "start_cpu_s": round(started, 2),
        "read_rows_per_cpu_s": round(rows / max(reading.cpu_s - started, 0.001)),
        "read_peak_mb": round(reading.peak / 1e6),
        "import_rows_per_cpu_s": round(rows / max(importing.cpu_s - started, 0.001)),
        "import_peak_mb": round(importing.peak / 1e6),
    }


def _write(path: Path, form: Form, rows: int) -> None:
    rng = random.Random(SEED)  # noqa: S311 -- values of a benchmark
    with path.open("w", encoding="ascii") as file:
        file.write(form.start)
        for first in range(0, rows, _ROWS_AT_ONCE):
            numbers = range(first, min(first + _ROWS_AT_ONCE, rows))
            file.write(form.between if first else "")
            file.write(form.between.join(form.row(number, rng) for number in numbers))
        file.write(form.end)


def _run(path: Path, form: Form, folder: str, *, preview: bool) -> Run:
    """Run the command on a file."""
    purpose = ("--preview",) if preview else ("--name", "a", *form.options)
    command = [
        *(sys.executable, "-m", "uploadfilter", "hashset", "import", str(path)),
        *("--category", "1", "--json", "--state", f"{folder}/state", *purpose),
    ]
    with subprocess.Popen(  # noqa: S603 -- our own program
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        peaks = [0]
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peaks, ended))
        watcher.start()
        said = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        ended.set()
        watcher.join()
    if process.returncode:
        raise RuntimeError(f"the import failed: {said.decode()}")
    return Run(usage.ru_utime + usage.ru_stime, max(peaks))


def _watch(pid: int, peaks: list[int], ended: threading.Event) -> None:
    """Record the anonymous memory of a process until it has ended."""
    status = Path(f"/proc/{pid}/status")
    while not ended.wait(_POLL_S):
        peaks.extend(_anonymous(status))


def _anonymous(status: Path) -> Iterator[int]:
    try:
        text = status.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        if line.startswith("RssAnon:"):
            yield int(line.split()[1]) * 1024
