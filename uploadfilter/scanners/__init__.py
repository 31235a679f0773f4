"""Run contents and signals in bounded worker processes, which can be killed.

``pool`` is what the proxy and the commands use, ``inside`` is what runs in the
confined processes, and ``wire`` is what both say to each other. The proxy never loads
``inside``.
"""
