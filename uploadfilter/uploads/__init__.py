"""From a request to its contents: bytes in, events out, no input or output of its own.

The head of a request is read by ``head``, its body by an extractor of ``extractors``,
and ``canonical`` writes a form anew so that the origin reads what was inspected.
Everything here is a function of its arguments: no sockets, clocks, files or randomness.
"""
