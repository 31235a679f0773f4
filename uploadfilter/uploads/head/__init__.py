"""The head of a request: what came, what it says of the body, and what is forwarded.

``request`` holds it as it came; ``plan`` decides what the body is, or refuses it, with
the help of ``fields``, ``codings``, ``pieces`` and ``signs``; ``clientside`` finds the
client; ``forwarding`` writes the headers for the origin and the client, with the help
of ``forwarded``.
"""
