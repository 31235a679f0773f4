"""Tests of known-good corpora."""
