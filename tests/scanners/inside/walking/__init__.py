"""Tests of ``scanners.inside.walking``."""
