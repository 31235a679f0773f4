"""Tests of ``contents.carriers``."""
