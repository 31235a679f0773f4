"""Read the head of a request, and write the heads for the origin and the client.

``request`` holds the head as it arrived; ``plan`` decides how the body is read, or
refuses the request, with the help of ``fields``, ``codings`` and ``pieces``;
``forwarding`` writes the headers for the origin and the client, with the help of
``forwarded``.
"""
