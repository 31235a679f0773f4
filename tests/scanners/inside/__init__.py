"""Tests of ``scanners.inside``."""
