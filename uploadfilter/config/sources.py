"""Record the source of each value of the configuration, and collect mistakes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from uploadfilter.config.lines import Key
from uploadfilter.errors import ConfigError, ConfigProblem

COMMAND_LINE = "the command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The sources of the values.

    Attributes:
        file: Path of the file, as it was named; ``None`` if there is none.
        others: Names of the options and variables that override the file, by key.
    """

    file: str | None = None
    lines: Mapping[Key, int] = field(default_factory=dict)
    others: Mapping[Key, str] = field(default_factory=dict)

    def of(self, key: Key) -> tuple[str, int | None]:
        """Return the name of a source, and its line if it is a file.

        Args:
            key: The key of a value; for a missing value, its table gives the line.
        """
        for length in range(len(key), 0, -1):
            known = key[:length]
            if known in self.others:
                return self.others[known], None
            if known in self.lines:
                return self.file or COMMAND_LINE, self.lines[known]
        return self.file or COMMAND_LINE, None

    def given(self, key: Key) -> str | None:
        """Return the source of exactly this value; ``None`` if it is a default."""
        if key in self.others:
            return self.others[key]
        return f"line {self.lines[key]}" if key in self.lines else None


def dotted(key: Key) -> str:
    """Write a key as in documentation: ``routes[0].limits.max_parts``."""
    words = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in key]
    return "".join(words).removeprefix(".")


class Complaints:
    """All mistakes, in the order in which they were found."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.problems: list[ConfigProblem] = []
        self._secrets: list[str] = []

    def keep_secret(self, text: str) -> None:
        """Never show this text in a mistake: the file only refers to it."""
        self._secrets += {text, repr(text)[1:-1]} - {""}

    def add(self, key: Key, text: str, *, hint: str) -> None:
        """Note a mistake.

        Args:
            key: The key, or the table in which one is missing.
            text: The mistake; nothing secret in it.
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
        """Raise an error if there was any mistake.

        Raises:
            ConfigError: It holds every problem, in the order of the file.
        """
        if self.problems:
            raise refusal(self.problems)


def refusal(problems: Sequence[ConfigProblem]) -> ConfigError:
    """Return an error with all problems, those of a file in its order."""
    ordered = sorted(problems, key=lambda item: item.line or 0)
    return ConfigError(
        "\n".join(map(str, ordered)),
        hint="\n".join(dict.fromkeys(item.hint for item in ordered)),
        problems=ordered,
    )
