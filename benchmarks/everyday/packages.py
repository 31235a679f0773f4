"""The packages whose everyday files are scanned, fetched by name.

They come from PyPI, npm and Debian through the ordinary clients, into a cache outside
of the tree, and are unpacked there; nothing is installed, and none of their files is
ever committed. To add a package, add its name to the list of its registry.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MOST_CACHE_BYTES = 2_500_000_000
"""Most bytes of all archives together; further packages are left out, and reported."""

FETCH_S = 240
"""Seconds for one package, the work of its build system included."""

_DONE = "fetched"
_FAILED = "failed"


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PYPI = _names(
    """
    aiohttp altair ansible-core arcade astropy babel bokeh certifi coverage dash
    django django-cms django-debug-toolbar djangorestframework docutils docx2python
    ezdxf faker fastapi flask folium fonttools fpdf2 geopandas ipykernel ipython
    ipywidgets jinja2 jupyterlab lxml mammoth markdown matplotlib mkdocs
    mkdocs-material mypy nbconvert networkx nibabel nltk notebook numpy odfpy openpyxl
    pandas pdfplumber pillow pip plotly pyarrow-hotfix pygame pygments pypdf pyproj
    python-docx python-pptx pytz reportlab requests ruff scikit-image scikit-learn
    scipy seaborn setuptools shapely sphinx sphinx-rtd-theme sqlalchemy statsmodels
    streamlit sympy tornado twisted tzdata urllib3 vega-datasets wagtail werkzeug
    wheel xarray xlrd xlsxwriter xlwt
    """
)
"""Wheels."""

PYPI_SOURCES = _names(
    """
    docx2python ezdxf fonttools mammoth msoffcrypto-tool mutagen odfpy openpyxl
    pdfminer.six pdfplumber pillow-heif pypdf python-docx python-pptx rawpy tinytag
    xlrd xlsx2csv xlwt
    """
)
"""Sources, which hold documents, sound and pictures for their tests."""

NPM = _names(
    """
    @fontsource/roboto @fortawesome/fontawesome-free @mlightcad/libredwg-web
    @mui/icons-material @mui/material ace-builds ag-grid-community antd bootstrap
    bootstrap-icons bulma caniuse-lite chart.js ckeditor4 codemirror core-js d3
    datatables.net date-fns dwg2dxf dxf dxf-parser dxf-viewer echarts eslint exceljs
    express firebase flag-icons foundation-sites fullcalendar grapesjs highlight.js
    howler ionicons jquery jspdf jszip katex leaflet lodash maplibre-gl material-icons
    mathjax mime-db modernizr moment moment-timezone monaco-editor ol pdf-lib
    pdfjs-dist pdfmake phaser pixi.js plotly.js-dist-min plyr prettier prismjs quill
    react react-dom rollup rxjs select2 semantic-ui-css socket.io summernote
    swagger-ui-dist swiper tailwindcss tesseract.js three tinymce tone typescript
    uikit video.js vite vue webpack world-atlas xlsx
    """
)

DEBIAN = _names(
    """
    ant antiword asterisk-core-sounds-en-gsm asterisk-core-sounds-en-wav
    asterisk-moh-opsound-wav asymptote-doc blender-data budgie-backgrounds busybox
    catdoc coreutils curl darktable dokuwiki espeak-ng-data ffmpeg-doc
    fonts-dejavu-core fonts-font-awesome fonts-lato fonts-liberation fonts-noto-core
    fonts-urw-base35 freedoom gcompris-qt-data gdal-data geoip-database
    ghostscript-doc gimp-data git git-doc gnuplot-doc grub-rescue-pc inkscape
    inkscape-tutorials ipxe ipxe-qemu iso-codes junit4 kdenlive-data kicad-symbols
    libcommons-lang3-java libguava-java libraw-doc libreoffice-common librecad-data
    libspring-core-java lilypond-doc-pdf mate-backgrounds maxima-doc mediawiki
    memtest86+ nginx openclipart-svg ovmf perl-base php-doc phpmyadmin
    postgresql-doc-17 proj-data python3-pip-whl python3-seaborn python3.13-doc
    qemu-system-data r-base-core r-cran-ggplot2 r-cran-mass rawtherapee-data
    roundcube-core scribus-data scribus-template shotwell sound-theme-freedesktop
    sqlite3-doc syslinux-common texlive-latex-recommended-doc timgm6mb-soundfont
    unicode-data vim-runtime wamerican wdutch wfrench wngerman wordpress xfig-doc
    xfig-libs
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package that was fetched.

    Attributes:
        name: ``registry/name``.
        archive: The file from the registry.
        root: Folder in which it was unpacked.
    """

    name: str
    archive: Path
    root: Path


def wanted() -> Iterator[tuple[str, str]]:
    """Yield registry and name of every package, alternating between registries."""
    lists = {"pypi": PYPI, "sdist": PYPI_SOURCES, "npm": NPM, "debian": DEBIAN}
    places = [
        (at / len(names), registry, name)
        for registry, names in lists.items()
        for at, name in enumerate(names)
    ]
    for _, registry, name in sorted(places):
        yield registry, name


def fetched(cache: Path, *, share: float) -> Iterator[Package]:
    """Yield the packages, and fetch missing ones.

    Args:
        cache: Folder in which they are kept; made if it does not exist.
        share: Share of the list that is taken: 0.1 is every tenth.
    """
    names = list(wanted())
    used = sum(path.stat().st_size for path in cache.glob("*/archive/*"))
    for registry, name in names[:: max(1, round(1 / share))]:
        home = cache / re.sub(r"[^\w.+]+", "-", f"{registry}-{name}")
        if not (home / _DONE).exists() and not (home / _FAILED).exists():
            if used > MOST_CACHE_BYTES:
                print(
                    f"  without {registry}/{name}: the cache is full", file=sys.stderr
                )
                continue
            used += fetch(registry, name, home)
        if (home / _DONE).exists():
            (archive,) = (home / "archive").iterdir()
            yield Package(
                name=f"{registry}/{name}", archive=archive, root=home / "unpacked"
            )


def fetch(registry: str, name: str, home: Path) -> int:
    """Fetch and unpack one package; return the size of its archive in bytes.

    Args:
        registry: ``pypi``, ``sdist``, ``npm`` or ``debian``.
        name: Name of the package.
        home: The folder to write; its content is removed first.
    """
    shutil.rmtree(home, ignore_errors=True)
    folder = home / "archive"
    folder.mkdir(parents=True)
    (home / "unpacked").mkdir()
    print(f"  fetching {registry}/{name}", file=sys.stderr)
    try:
        command = [word.format(name=name) for word in _COMMANDS[registry]]
        _run(*command, name, folder=folder)
        (archive,) = folder.iterdir()
        _UNPACK[registry](archive, home / "unpacked")
    except (OSError, ValueError, subprocess.SubprocessError, tarfile.TarError) as exc:
        detail = getattr(exc, "stderr", "") or str(exc)
        print(f"  without {registry}/{name}: {detail.strip()[-300:]}", file=sys.stderr)
        (home / _FAILED).touch()
        return 0
    (home / _DONE).touch()
    return archive.stat().st_size


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
