"""The running service: accept requests, record decisions, forward to origins.

An upload passes these rooms: ``clients`` accepts connections and parses requests;
``handling`` finds the route of each request; ``inspecting`` takes an upload from its
head to its record; ``requests`` holds the data of one request; ``routing`` chooses the
origin, ``origins`` sends to it, and ``answering`` writes the answers to requests that
are not forwarded. ``counting`` keeps the numbers that ``admin`` shows. Only
``aiohttp_parts`` uses private parts of aiohttp.
"""
