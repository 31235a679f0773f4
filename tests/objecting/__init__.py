"""Tests of uploadfilter.objecting."""
