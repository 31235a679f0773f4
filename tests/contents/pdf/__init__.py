"""Tests of ``contents.pdf``."""
