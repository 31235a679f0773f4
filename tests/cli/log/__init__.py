"""Tests of ``cli.log.log``."""
