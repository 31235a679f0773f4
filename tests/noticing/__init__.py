"""Tests of uploadfilter.noticing."""
