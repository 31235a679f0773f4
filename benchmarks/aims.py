"""The last line of a benchmark: the aims that it missed, and the exit code."""

from collections.abc import Sequence


def exit_code(benchmark: str, missed: Sequence[str], *, is_whole: bool = True) -> int:
    """Say which aims were missed, as the last line; return the exit code.

    Args:
        benchmark: Its name on the command line.
        missed: The aims, each in words with its figure.
        is_whole: Whether everything was measured; a partial run never ends with 1.
    """
    if not missed:
        print(f"\n{benchmark}: no aim was missed")
        return 0
    code = 1 if is_whole else 0
    print(f"\n{benchmark}: exit code {code}, missed: {'; '.join(missed)}", flush=True)
    return code
