"""Show a running proxy to its operator, on a separate listener.

``listening`` serves it; ``health`` tells whether the proxy can do its work, ``gauges``
its present state, ``recent`` the last decisions, ``history`` the figures of the last
minutes, and ``page`` shows all of it to a person.
"""
