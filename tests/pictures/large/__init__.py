"""Tests of ``pictures.large``."""
