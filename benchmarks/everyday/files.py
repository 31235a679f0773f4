"""Choose the everyday files of the packages, by sort, and how many of each.

The ending of a file's name decides its sort, as for people. An even share of every
package is taken for each sort, in an order that does not depend on the machine.
"""

import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.packages import Package

_Item = TypeVar("_Item")

SUFFIXES = {
    "office": "doc docx docm dot dotx xls xlsx xlsm xlt ppt pptx potx odt ods odp odg "
    "ott otp ots rtf",
    "pdf": "pdf",
    "package": "whl tgz deb jar egg gem crate phar",
    "archive": "zip gz bz2 xz 7z rar tar zst cab",
    "drawing": "svg dwg dxf eps ps ai wmf emf fig kicad_sym xpm",
    "sound": "wav mp3 ogg oga flac m4a opus aac wma mid sf2 gsm au aiff ape mpc wv",
    "video": "mp4 webm mkv avi mov ogv mpg wmv",
    "font": "ttf otf woff woff2 pfb t1 ttc eot lff afm",
    "data": "csv tsv json xml sql sqlite db npy npz rds rda mat fits yml yaml ipynb "
    "txt dat mo geojson bin sav parquet h5",
    "web": "html css js mjs map md php htm",
    "picture": "jpg jpeg png gif webp heic heif avif tif tiff ico bmp",
    "raw": "dng cr2 nef arw raf orf rw2 exr hdr",
    "image": "iso img qcow2 fd rom dsk wad efi lkrn usb",
}
"""Sorts of files, with the endings of their names."""

SHARE = {"web": 2800, "picture": 900, "drawing": 1200, "data": 3200, "font": 700}
"""Most files of some sorts; for the others ``MOST``."""

MOST = 900
MOST_OF_A_PACKAGE = 40
"""Most files of one sort in one package."""

LONGEST = 150_000_000
"""Most bytes of a file that is taken, and of a package that is packed again."""

_SORT_OF = {
    suffix: sort for sort, suffixes in SUFFIXES.items() for suffix in suffixes.split()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file that is scanned.

    Attributes:
        sort: A key of ``SUFFIXES``, or a word for files that were made here.
        name: Package and path in it, or a description.
        path: Path of the file.
    """

    sort: str
    name: str
    path: Path


def files_of(package: Package) -> Iterator[File]:
    """Yield the archive of a package, and an even share of the files in it."""
    yield File(sort="package", name=package.name, path=package.archive)
    sorted_files: dict[str, list[Path]] = {}
    for path in sorted(package.root.rglob("*")):
        sort = _SORT_OF.get(path.suffix[1:].lower())
        if sort is None or path.is_symlink() or not path.is_file():
            continue
        if 0 < path.stat().st_size <= LONGEST:
            sorted_files.setdefault(sort, []).append(path)
    for sort, paths in sorted_files.items():
        for path in evenly(paths, MOST_OF_A_PACKAGE):
            inside = path.relative_to(package.root)
            yield File(sort=sort, name=f"{package.name}: {inside}", path=path)


def pack_again(package: Package, folder: Path) -> Iterator[File]:
    """Yield archives as people make them from a folder: a zip file, and a backup.

    Args:
        package: The package whose files are packed.
        folder: Folder for the archives; existing ones are used.
    """
    paths = [path for path in sorted(package.root.rglob("*")) if _is_plain(path)]
    if not 0 < sum(path.stat().st_size for path in paths) <= LONGEST:
        return
    stem = package.root.parent.name
    as_zip, as_tar = folder / f"{stem}.zip", folder / f"{stem}.tar.gz"
    if not as_zip.exists():
        with zipfile.ZipFile(
            as_zip, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False
        ) as archive:
            for path in paths:
                archive.write(path, path.relative_to(package.root))
        with tarfile.open(as_tar, "w:gz", compresslevel=3) as backup:
            backup.add(package.root, arcname=stem)
    yield File(sort="archive", name=f"{package.name}, as zip", path=as_zip)
    yield File(sort="backup", name=f"{package.name}, as tar.gz", path=as_tar)


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def chosen(files: Iterable[File], *, part: float) -> list[File]:
    """Return an even share of every sort, with a limit on the largest sorts.

    Args:
        files: All files.
        part: Share of the files that is wanted.
    """
    by_sort: dict[str, list[File]] = {}
    for file in files:
        by_sort.setdefault(file.sort, []).append(file)
    return [
        file
        for sort, found in sorted(by_sort.items())
        for file in evenly(found, round(part * SHARE.get(sort, MOST)) or 1)
    ]


def evenly(items: Sequence[_Item], most: int) -> list[_Item]:
    """Return at most that many items, spread over all."""
    step = max(1.0, len(items) / most)
    return [items[int(at * step)] for at in range(min(len(items), most))]
