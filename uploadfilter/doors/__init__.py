"""Doors for applications and front ends, which ask about an upload and act themselves.

A door turns its protocol into the head of an upload and its bytes, hands them to the
same inspection as the proxy (``inspection/intake.py``), and turns the outcome
into its own answer. Rules this room keeps: no door has a rule of its own; none accepts
what was not inspected; the decision is on record before its answer.

- ``scanapi``: over HTTP, with tokens (``tokens``), answers that programs read
  (``outcomes``), look-ups of signals (``lookups``) and a description (``openapi``).
"""
