"""Tests of ``reference.writing.writing``."""
