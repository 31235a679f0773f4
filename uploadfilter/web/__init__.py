"""HTTP below the doors: listeners, connections, routes, answers, origins.

``clients`` accepts connections and parses requests, ``serving`` serves a page to a
browser; ``requests`` holds the data of one request, and ``counting`` keeps the numbers
that operators see; ``routing`` chooses the origin, ``origins`` sends to it, and
``answering`` writes the answers of the filter itself. Only ``aiohttp_parts`` uses
private parts of aiohttp.
"""
