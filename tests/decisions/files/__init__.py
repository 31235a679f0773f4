"""Tests of ``decisions.files``."""
