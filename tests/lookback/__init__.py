"""Tests of looking back at stored files."""
