"""The running service: requests come in, decisions are recorded, origins are asked.

On the way of an upload: ``clients`` accepts connections and makes requests of them;
``handling`` finds the route of each request; ``inspecting`` takes an upload from its
head to its record; ``requests`` is what one request carries with it; ``routing``,
``origins`` and ``answering`` say where it goes, go there, and answer where it does not.
``counting`` keeps the numbers that ``admin`` shows. ``aiohttp_parts`` is the one module
that touches private parts of aiohttp.
"""
