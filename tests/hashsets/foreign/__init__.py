"""Tests of ``hashsets.foreign.foreign``."""
