"""What the operator sees of a running proxy, on a listener of its own.

``listening`` serves it; ``health`` says whether the proxy can do its work, ``gauges``
what it holds at the moment, ``recent`` what it decided last, ``history`` how that has
been for some minutes, and ``page`` shows it all to a person.
"""
