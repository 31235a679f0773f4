"""Tests of ``contents.kinds``."""
