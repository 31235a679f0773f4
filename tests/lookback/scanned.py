"""The description of a store of scanned files."""

from uploadfilter.lookback.scanning import TYPES
from uploadfilter.lookback.store import StoreInfo
from uploadfilter.reference.entries.secret import Secret

SECRET = Secret(bytes(32))
INFO = StoreInfo(source="/s", types=TYPES, secret=SECRET.check_value())
