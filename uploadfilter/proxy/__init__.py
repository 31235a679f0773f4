"""The running service: requests come in, decisions are recorded, origins are asked.

``inspection`` is the state machine of one upload and does no I/O; ``server`` is the
short loop around it; ``spool``, ``origin``, ``recorder`` and ``answers`` are its hands.
"""
