"""Tests of ``cli.issuer.issuer``."""
