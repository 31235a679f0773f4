"""Tests of uploadfilter.forms."""
