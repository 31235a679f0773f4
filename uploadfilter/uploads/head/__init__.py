"""The head of a request: what came, what it says of the body, and what goes on.

``request`` holds it as it came; ``plan`` decides what the body is, or refuses it, with
the help of ``fields``, ``codings`` and ``pieces``; ``forwarding`` writes the headers
that the origin and the client get, with the help of ``forwarded``.
"""
