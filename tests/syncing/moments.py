"""Times of signed metadata."""


def epoch_s() -> float:
    """Return the time of the machine."""
    import time  # noqa: PLC0415

    return time.time()  # noqa: TID251 - python-tuf has no other
