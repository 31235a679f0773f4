"""The tests of ``uploadfilter/reporting/page``."""
