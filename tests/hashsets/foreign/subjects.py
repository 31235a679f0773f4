"""A file of each foreign format, with what is in it."""

from tests.hashsets.foreign.exchanges import SUBJECTS as EXCHANGES
from tests.hashsets.foreign.misp import SUBJECTS as MISP
from tests.hashsets.foreign.ncmec import SUBJECTS as NCMEC
from tests.hashsets.foreign.vics import SUBJECTS as VICS

SUBJECTS = {
    **VICS,
    **EXCHANGES,
    **MISP,
    **NCMEC,
}
