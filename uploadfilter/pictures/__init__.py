"""Contents become pictures: what a viewer would show of a file, as planes of luma.

Decoders live in this room only. Start at ``decoding.frames_of``, which opens a file
(``opening``) with the reader of its format (``readers``), and at ``showing.showings``
for the ways in which somebody may see a frame.
"""
