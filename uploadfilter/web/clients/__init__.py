"""Connections of clients: accepted, counted, parsed, and answered at their pace.

``listening`` accepts them on the ``sockets`` of the operator's ``addresses``. Each is a
``silent`` connection until its first byte, with its ``proxyheader`` if a front end
sends one; then ``server`` parses its requests. ``connections`` counts them;
``leaving``, ``flow`` and ``relaying`` are for the time in which they are answered.
"""
