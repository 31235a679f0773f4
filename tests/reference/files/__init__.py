"""Tests of ``reference.files``."""
