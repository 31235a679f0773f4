"""Tests of ``contents.texts``."""
