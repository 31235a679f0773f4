"""Tests of ``contents.archives.archives``."""
