"""Tests of ``uploads/body``."""
