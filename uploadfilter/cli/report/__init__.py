"""Commands of reports: ``uploadfilter report``."""
