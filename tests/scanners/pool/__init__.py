"""Tests of ``scanners.pool.pool``."""
