"""Commands of an issuer: ``uploadfilter issuer``."""
