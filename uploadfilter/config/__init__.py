"""Turn the operator's TOML file, environment and command line into settings.

Each room owns its settings as a frozen dataclass with the reason beside each default;
this room only fills them. The file has the same shape as the settings: one table a
room, one key a field::

    origin = "http://127.0.0.1:8081"
    listen = "127.0.0.1:8080"
    mode = "enforce"

    [limits]
    max_body_bytes = "2 GiB"

    [policy]
    not_inspected = "reject"

    [[routes]]
    name = "photos"
    host = "photos.example.org"
    origin = "store"

    [origins.store]
    url = "http://127.0.0.1:9000"

Rules this room keeps: an unknown key is an error, never ignored; every error names the
place, the key, the value and the remedy, and all errors of a file are reported at once;
no error shows a secret; a value comes from an option, otherwise from the environment,
otherwise from the file, otherwise it is the default.

To add a setting, add a field to its room's dataclass; to add a room, a line to
``schema.TABLES`` and a field to ``settings.Settings``. If it may change while the
service runs, declare it live in ``schema``. ``docs/operating/keys.md`` lists every key;
a test checks that.
"""

from uploadfilter.config.effective import differences, is_live
from uploadfilter.config.loading import Loaded, load, read
from uploadfilter.config.schema import TABLES, keys
from uploadfilter.config.settings import Settings
from uploadfilter.config.telling import changed, in_short, told

__all__ = [
    "TABLES",
    "Loaded",
    "Settings",
    "changed",
    "differences",
    "in_short",
    "is_live",
    "keys",
    "load",
    "read",
    "told",
]
