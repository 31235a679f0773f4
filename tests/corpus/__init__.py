"""Harmless pictures, and the tricks and bombs that are made of them.

Tests, benchmarks and the demo share this corpus, which is computed from seeds:
``pictures`` have the statistics of photographs, ``tricks`` hide one behind another, and
``bombs`` cost a careless filter seconds or gigabytes. It is not part of the wheel.
"""
