"""Tests of ``pictures.readers``."""
