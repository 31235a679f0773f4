"""Load a settings file from text."""

import tempfile
from pathlib import Path

from uploadfilter import config
from uploadfilter.errors import ConfigError


def load(text: str) -> config.Loaded | ConfigError:
    """Load a document, or return its mistake."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "uploadfilter.toml"
        path.write_text(text, encoding="utf-8")
        try:
            return config.read(path, overrides={}, default_state=Path("/state"))
        except ConfigError as exc:
            return exc
