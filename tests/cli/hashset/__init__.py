"""Tests of ``cli.hashset.hashset``."""
