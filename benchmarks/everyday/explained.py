"""Why an everyday file is rejected, for each that is.

A run names the files that are rejected and have no explanation here. To add one, add a
line: the beginning of the file's name, and what is the matter with it.
"""

EXPLAINED: dict[str, str] = {}
"""Beginnings of names, and the explanations."""


def explained(name: str) -> str:
    """Return why a file is rejected, or nothing if nobody has said.

    Args:
        name: Its name, as ``File`` has it.
    """
    fitting = [begin for begin in EXPLAINED if name.startswith(begin)]
    return EXPLAINED[max(fitting, key=len)] if fitting else ""
