"""Tests of ``scanners.wire``."""
