"""What a benchmark says last: which aims it missed, and what that means."""

from collections.abc import Sequence


def exit_code(benchmark: str, missed: Sequence[str], *, is_whole: bool = True) -> int:
    """Say which aims were missed, as the last line; return the exit code.

    Args:
        benchmark: Its name on the command line.
        missed: The aims, each in words with what was measured.
        is_whole: Whether everything was measured: a part of it never ends with 1.
    """
    if not missed:
        print(f"\n{benchmark}: no aim was missed")
        return 0
    code = 1 if is_whole else 0
    print(f"\n{benchmark}: exit code {code}, missed: {'; '.join(missed)}", flush=True)
    return code
