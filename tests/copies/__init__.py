"""Tests of the search for altered copies after the answer."""
