"""Where each value of the configuration was given, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from uploadfilter.config.lines import Key
from uploadfilter.errors import ConfigError, ConfigProblem

COMMAND_LINE = "the command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Who said what.

    Attributes:
        file: Path of the file, as it was named; ``None`` if there is none.
        lines: Of every key in it.
        others: Names of the options and variables that won over it, by their keys.
    """

    file: str | None = None
    lines: Mapping[Key, int] = field(default_factory=dict)
    others: Mapping[Key, str] = field(default_factory=dict)

    def of(self, key: Key) -> tuple[str, int | None]:
        """Return the name of a source, and its line if it is a file.

        Args:
            key: Of a value, or of one that is missing: then its table says where.
        """
        for length in range(len(key), 0, -1):
            known = key[:length]
            if known in self.others:
                return self.others[known], None
            if known in self.lines:
                return self.file or COMMAND_LINE, self.lines[known]
        return self.file or COMMAND_LINE, None

    def given(self, key: Key) -> str | None:
        """Return who gave exactly this value; ``None`` if it is a default."""
        if key in self.others:
            return self.others[key]
        return f"line {self.lines[key]}" if key in self.lines else None


def dotted(key: Key) -> str:
    """Write a key as people do: ``routes[0].limits.max_parts``."""
    words = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in key]
    return "".join(words).removeprefix(".")


class Complaints:
    """Everything that is wrong, in the order in which it was found.

    Args:
        sources: Who said what.
    """

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.problems: list[ConfigProblem] = []
        self._secrets: list[str] = []

    def keep_secret(self, text: str) -> None:
        """Show this text in no complaint: the file only refers to it."""
        self._secrets += {text, repr(text)[1:-1]} - {""}

    def add(self, key: Key, text: str, *, hint: str) -> None:
        """Complain of a key.

        Args:
            key: The key, or the table in which one is missing.
            text: What is wrong; nothing secret in it.
            hint: What the operator does next, as a full sentence.
        """
        for secret in self._secrets:
            text, hint = text.replace(secret, "..."), hint.replace(secret, "...")
        source, line = self.sources.of(key)
        self.problems.append(
            ConfigProblem(
                source=source, line=line, key=dotted(key), text=text, hint=hint
            )
        )

    def raise_any(self) -> None:
        """End here if anything was wrong.

        Raises:
            ConfigError: With every problem, in the order of the file.
        """
        if self.problems:
            raise refusal(self.problems)


def refusal(problems: Sequence[ConfigProblem]) -> ConfigError:
    """Return the error that tells all problems, those of a file in its order."""
    ordered = sorted(problems, key=lambda item: item.line or 0)
    return ConfigError(
        "\n".join(map(str, ordered)),
        hint="\n".join(dict.fromkeys(item.hint for item in ordered)),
        problems=ordered,
    )
