"""The benchmark of recall and of false matches; it begins in ``run.py``."""
