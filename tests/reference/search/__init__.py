"""Tests of ``reference.search``."""
