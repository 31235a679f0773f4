"""The benchmark of recall and of false matches; ``run.py`` is where it begins."""
