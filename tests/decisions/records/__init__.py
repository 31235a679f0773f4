"""Tests of ``decisions.records.records``."""
