"""Run contents and signals in bounded worker processes, which can be killed.

``pool`` is what the proxy and the command line use, ``worker`` is the other end of
its sockets, ``scanning`` is what happens to one content there.
"""
