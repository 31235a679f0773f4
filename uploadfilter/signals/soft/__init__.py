"""One plane becomes guesses of the original: views with reliabilities.

A hash set holds PDQ of the whole original. From the plane of an upload that was cut,
turned, framed or partly covered, this room estimates the bits of that original, and for
each bit how likely the estimate is wrong. Start at ``family.soft_views``.

Everything here is arithmetic on a plane of 64 x 64: no decoder is loaded, so that the
proxy may use it.
"""
