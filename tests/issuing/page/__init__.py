"""Tests of the issuer's page."""
