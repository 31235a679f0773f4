"""The tests of ``uploadfilter/reporting``."""
