"""The running service: accept requests, record decisions, forward to origins.

An upload passes these rooms: ``clients`` accepts connections and parses requests;
``handling`` finds the route of each request; ``inspecting`` takes an upload from its
head to its record; ``requests`` is what one request carries with it; ``routing``,
``origins`` and ``answering`` say where it goes, go there, and answer where it does not.
``counting`` keeps the numbers that ``admin`` shows. ``aiohttp_parts`` is the one module
that touches private parts of aiohttp.
"""
