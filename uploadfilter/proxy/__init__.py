"""The running service: requests come in, decisions are recorded, origins are asked.

From the door inwards: ``clients`` lets connections in and makes requests of them;
``inspecting`` takes an upload from its head to its record; ``requests`` is what one
request carries with it; ``routing``, ``origins`` and ``answering`` say where it goes,
go there, and answer where it does not. ``counting`` keeps the numbers that ``admin``
shows.
"""
