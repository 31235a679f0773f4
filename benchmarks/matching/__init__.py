"""How fast is the exact search of the reference set, beside other search libraries?

``python -m benchmarks matching``; ``run.py`` describes the measurements.
"""
