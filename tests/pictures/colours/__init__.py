"""Tests of ``pictures.colours``."""
