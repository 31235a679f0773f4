"""Tests of uploads that come in several requests."""
