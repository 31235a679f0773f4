"""The proxy, the door in line: accept requests, and forward them to the origin.

``handling`` finds the route of each request and has uploads inspected
(``uploadfilter/inspection``); ``assembling`` puts uploads in pieces together; ``admin``
shows all of it to the operator.
"""
