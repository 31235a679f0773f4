"""What does the proxy cost beside the work that it is there for? See ``run.py``."""
