"""Tests of the room that turns a request into contents."""
