"""What does the proxy cost in addition to its actual work? See ``run.py``."""
