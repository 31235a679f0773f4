"""Turn a request into its contents: bytes in, events out, without input or output.

``head`` reads the head of a request and writes the head for the origin; ``body`` turns
the body into contents, and encodes a form anew so that the origin reads exactly the
inspected parts. Everything here is a function of its arguments: no sockets, clocks,
files or randomness.
"""
