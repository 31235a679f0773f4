"""Run contents and signals in bounded worker processes, which can be killed.

The proxy and the commands use ``pool``, the confined processes run ``inside``, and both
exchange the messages of ``wire``. The proxy never loads ``inside``.
"""
