"""Tests of the soft views, against slow twins."""
