"""Write the manual pages and the completions that a system keeps beside a program.

    python -m deploy.wheel.shared DIRECTORY DATE

Systems look for them below ``/usr/local/share``. man and bash also find them beside the
``bin`` of any environment whose programs are in the path.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from deploy.wheel import manuals

_ROOT = Path(__file__).parents[2]

_COMPLETIONS = {
    "bash": "bash-completion/completions/uploadfilter",
    "fish": "fish/vendor_completions.d/uploadfilter.fish",
    "zsh": "zsh/site-functions/_uploadfilter",
}
"""The file in which each shell looks."""

_FIRST_CALL = '_uploadfilter_completion "$@"\n'
"""zsh calls its file when it is asked for the first time."""


def completion(shell: str) -> str:
    """Return the file that a shell reads to complete the program's words."""
    program = Path(sys.executable).with_name("uploadfilter")
    done = subprocess.run(  # noqa: S603 - the program that is packed
        [program],
        env={**os.environ, "_UPLOADFILTER_COMPLETE": f"source_{shell}"},
        capture_output=True,
        check=True,
        text=True,
    )
    # zsh recognises a completion by its first line.
    return done.stdout.lstrip("\n") + (_FIRST_CALL if shell == "zsh" else "")


def main() -> None:
    """Write the files below a directory, which is made if it is missing."""
    directory, date = Path(sys.argv[1]), sys.argv[2]
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    release = manuals.Release(version=project["version"], date=date)
    pages = manuals.pages(release, _ROOT / "docs/operating")
    files = {f"man/man{name[-1]}/{name}": text for name, text in pages.items()}
    files |= {path: completion(shell) for shell, path in _COMPLETIONS.items()}
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
