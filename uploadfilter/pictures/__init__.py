"""Contents become pictures: planes of luma, as a viewer would show a file.

Decoders live in this room only. Start at ``decoding.frames_of``, which opens a file
(``opening``) with the reader of its format (``readers``), and at ``showing.showings``
for the ways in which viewers may show a frame.
"""
