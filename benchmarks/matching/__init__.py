"""How fast is the exact search of the reference set, beside what others search with?

``python -m benchmarks matching``; ``run.py`` says what is measured and how.
"""
