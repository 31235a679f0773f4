"""Commands of the decision log: ``uploadfilter log``."""
