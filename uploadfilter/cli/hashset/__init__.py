"""Commands of the reference set: ``uploadfilter hashset``."""
