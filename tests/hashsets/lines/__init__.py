"""Tests of ``hashsets.lines``."""
