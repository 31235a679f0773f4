"""Tests of ``uploads/head``."""
