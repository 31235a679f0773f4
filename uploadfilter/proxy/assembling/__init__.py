"""Hold uploads that come in several requests, and inspect each as one, when complete.

``store`` keeps the bytes, ``completed`` takes a complete upload through the usual
inspection, and one module for each protocol walks through its requests.
"""
