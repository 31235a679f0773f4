"""From a request to its contents: bytes in, events out, no input or output of its own.

``head`` reads the head of a request and writes the head that the origin gets; ``body``
turns the body into contents, and writes a form anew so that the origin reads what was
inspected. Everything here is a function of its arguments: no sockets, clocks, files or
randomness.
"""
