"""Tests of the upload store, and of the protocols that use it."""
