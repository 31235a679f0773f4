"""The tests of ``uploadfilter/cli/report``."""
