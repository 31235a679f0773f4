"""Tests of ``pictures.headers``."""
