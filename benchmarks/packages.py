"""Packages of public registries, fetched by name through their ordinary clients.

``packages.toml`` lists them. They are kept in a cache outside of the tree, and unpacked
there; nothing is installed, and none of their files is ever committed.
"""

import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

_LIST = Path(__file__).with_name("packages.toml")

MOST_CACHE_BYTES = 2_500_000_000
"""Most bytes of the archives of everyday files; further packages are left out."""

FETCH_S = 240
"""Seconds for one package, the work of its build system included."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".jxl", ".avif"})
FILM_SUFFIXES = frozenset({".mp4", ".mov", ".webm", ".mkv", ".avi"})
_MOST_PICTURES = 900
"""Most pictures of one part of a package, evenly chosen."""

_DONE, _FAILED = "fetched", "failed"


class Sort(StrEnum):
    """The sort of a picture: false matches are counted for each pair of sorts."""

    PHOTOGRAPH = "photograph"
    PRODUCT = "product"
    DOCUMENT = "document"
    DRAWING = "drawing"
    SCREENSHOT = "screenshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package that was fetched.

    Attributes:
        name: Registry and name, with a colon between them.
        archive: The file from the registry.
        root: Folder in which it was unpacked.
    """

    name: str
    archive: Path
    root: Path


class Picture(NamedTuple):
    """A picture of a package.

    Attributes:
        sort: Its sort.
        package: The name of its package.
        scene: Pictures of one scene overlap, as the formats of one wallpaper do.
        path: Its file.
    """

    sort: Sort
    package: str
    scene: str
    path: Path


@lru_cache(1)
def _listed() -> dict[str, Any]:
    return tomllib.loads(_LIST.read_text(encoding="utf-8"))


def everyday(cache: Path, *, each: int = 1) -> Iterator[Package]:
    """Yield the packages of everyday files, alternating between registries.

    Args:
        cache: Folder in which they are kept; made if it does not exist.
        each: 10 takes every tenth.
    """
    names = [
        (at / len(found), registry, name)
        for registry, text in _listed()["everyday"].items()
        for found in (text.split(),)
        for at, name in enumerate(found)
    ]
    used = sum(path.stat().st_size for path in cache.glob("*/archive/*"))
    for _, registry, name in sorted(names)[::each]:
        is_new = not _home(cache, f"{registry}:{name}").exists()
        if is_new and used > MOST_CACHE_BYTES:
            print(f"  without {registry}:{name}: the cache is full", file=sys.stderr)
            continue
        package = fetch(f"{registry}:{name}", cache)
        if package is not None:
            used += package.archive.stat().st_size if is_new else 0
            yield package


def pictures(cache: Path) -> Iterator[Picture]:
    """Yield the listed pictures; a package that has none is reported."""
    for part in _listed()["pictures"]:
        package = fetch(part["package"], cache)
        found = [] if package is None else _paths(part, package.root)
        if not found:
            print(f"  no pictures of {part['package']}", file=sys.stderr)
        name = part["package"].partition(":")[2]
        for path in found[:: -(-len(found) // _MOST_PICTURES) or 1]:
            known = (
                re.search(part["scene"], path.as_posix()) if "scene" in part else None
            )
            scene = known[1] if known else "/".join(path.parts[-2:])
            yield Picture(Sort(part["sort"]), name, f"{name}:{scene}", path)


def further(cache: Path) -> Iterator[Package]:
    """Yield the packages whose pictures only make a large set larger."""
    for name in _listed()["further"].split():
        package = fetch(f"debian:{name}", cache)
        if package is not None:
            yield package


def films(cache: Path) -> Iterator[Path]:
    """Yield the films of packages, each content once."""
    unwanted, seen = re.compile(_listed()["not_films"]), set()
    for name in _listed()["films"].split():
        package = fetch(name, cache)
        for path in sorted(package.root.rglob("*")) if package else ():
            if path.suffix.lower() in FILM_SUFFIXES and not unwanted.search(path.name):
                digest = hashlib.sha256(path.read_bytes()).digest()
                if digest not in seen:
                    seen.add(digest)
                    yield path


def _paths(part: dict[str, Any], root: Path) -> list[Path]:
    unwanted = re.compile(part.get("without", "$^"))
    return sorted(
        path
        for path in {found for glob in part["paths"] for found in root.glob(glob)}
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not path.is_symlink()
        and not unwanted.search(f"/{path.relative_to(root).as_posix()}")
    )


def _home(cache: Path, name: str) -> Path:
    return cache / re.sub(r"[^\w.+]+", "-", name.replace(":", "-"))


def fetch(name: str, cache: Path) -> Package | None:
    """Fetch and unpack a package, unless that was tried before.

    Args:
        name: ``pypi``, ``sdist``, ``npm`` or ``debian``, a colon, and its name there.
        cache: Folder in which packages are kept.

    Returns:
        The package; ``None`` if it cannot be fetched, which is reported.
    """
    home = _home(cache, name)
    folder, root = home / "archive", home / "unpacked"
    if not (home / _DONE).exists() and not (home / _FAILED).exists():
        shutil.rmtree(home, ignore_errors=True)
        folder.mkdir(parents=True)
        root.mkdir()
        _fetch(name, home)
    if not (home / _DONE).exists():
        return None
    (archive,) = folder.iterdir()
    return Package(name=name, archive=archive, root=root)


def _fetch(full_name: str, home: Path) -> None:
    registry, _, name = full_name.partition(":")
    print(f"  fetching {registry}:{name}", file=sys.stderr)
    folder, root = home / "archive", home / "unpacked"
    try:
        command = [word.format(name=name) for word in _COMMANDS[registry]]
        _run(*command, name, folder=folder)
        (archive,) = folder.iterdir()
        _UNPACK[registry](archive, root)
        carve(root)
    except (OSError, ValueError, subprocess.SubprocessError, tarfile.TarError) as exc:
        detail = getattr(exc, "stderr", "") or str(exc)
        print(f"  without {registry}:{name}: {detail.strip()[-300:]}", file=sys.stderr)
        (home / _FAILED).touch()
    else:
        (home / _DONE).touch()


_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
# The build dependencies of a source come as wheels: only the package itself is a
# source.
_COMMANDS: dict[str, tuple[str, ...]] = {
    "pypi": (*_PIP, "download", "--no-deps", "--only-binary=:all:"),
    "sdist": (*_PIP, "download", "--no-deps", "--no-binary", "{name}"),
    "npm": ("npm", "pack", "--silent", "--ignore-scripts"),
    "debian": ("apt-get", "download"),
}


def _unpack_wheel(archive: Path, root: Path) -> None:
    with zipfile.ZipFile(archive) as members:
        members.extractall(root)  # noqa: S202 - zipfile keeps members below root


def _unpack_tar(archive: Path, root: Path) -> None:
    with tarfile.open(archive) as members:
        members.extractall(root, filter="data")


def _unpack_deb(archive: Path, root: Path) -> None:
    _run("dpkg-deb", "--extract", str(archive), str(root), folder=root)


_UNPACK: dict[str, Callable[[Path, Path], None]] = {
    "pypi": _unpack_wheel,
    "sdist": _unpack_tar,
    "npm": _unpack_tar,
    "debian": _unpack_deb,
}


def _run(*command: str, folder: Path) -> None:
    subprocess.run(  # noqa: S603 - fixed commands
        command,
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=FETCH_S,
        env={**os.environ, "PIP_NO_CACHE_DIR": "1"},
    )


def carve(root: Path) -> None:
    """Cut the pictures out of the resource files of a Qt program, where it has some.

    Such a file (``.rcc``) holds pictures as they are, each behind its length.
    """
    for path in sorted(root.rglob("*.rcc")):
        data = path.read_bytes()
        folder = root / "carved"
        folder.mkdir(exist_ok=True)
        for number, (suffix, start, length) in enumerate(_found_in(data)):
            target = folder / f"{path.stem}-{number:04d}.{suffix}"
            target.write_bytes(data[start : start + length])


_MOST_JPEG = 5_000_000
_RIFF_HEAD = 8


def _found_in(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield suffix, place and length of each WebP, then of each JPEG."""
    for match in re.finditer(rb"RIFF(....)WEBP", data, re.DOTALL):
        (length,) = struct.unpack("<I", match[1])
        yield "webp", match.start(), length + _RIFF_HEAD
    for match in re.finditer(rb"(....)\xff\xd8\xff[\xe0\xe1\xdb]", data, re.DOTALL):
        (length,) = struct.unpack(">I", match[1])
        start = match.start() + 4
        if length < _MOST_JPEG and data[start + length - 2 :][:2] == b"\xff\xd9":
            yield "jpg", start, length
