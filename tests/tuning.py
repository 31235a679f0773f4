"""Start the installed program with another constant, where its own takes too long."""

from pathlib import Path

from deploy.demo import running

_SCRIPT = """\
{first}
import sys
from {module} import {room}
{room}.__init__.__kwdefaults__.update({values!r})
sys.argv[0] = "uploadfilter"
from uploadfilter.cli import main
main()
"""


def tuned_program(folder: Path, module: str, room: str, **values: float) -> Path:
    """Write a program that is the installed one, apart from some defaults of a class.

    Name it in ``UPLOADFILTER_PROGRAM``. No file of settings can change these values:
    they are constants for operators.

    Args:
        folder: Folder of the new program.
        module: Module of the class.
        room: Class of settings, whose arguments are by keyword only.
        values: New defaults of these arguments.
    """
    first = Path(running.program()).read_text("utf-8").partition("\n")[0]
    program = folder / "tuned-uploadfilter"
    program.write_text(
        _SCRIPT.format(first=first, module=module, room=room, values=values), "utf-8"
    )
    program.chmod(0o755)
    return program
