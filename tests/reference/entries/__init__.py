"""Tests of ``reference.entries``."""
