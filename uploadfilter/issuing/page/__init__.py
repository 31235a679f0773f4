"""The issuer's steps on a page of this machine, for people who have no shell.

The page does what ``uploadfilter issuer`` does, with the same functions. ``steps`` says
what may be done, ``door`` who is let in, ``forms`` what was sent (all pure); ``acts``
works on the folder, in threads that ``work`` runs; ``desk`` answers, and ``serving``
listens.

Rules this package keeps: it listens on this machine only, and for one browser; nothing
of a picture is shown, stored, named or logged; a passphrase is never in a URL, a log or
an argument; what the page offers is decided in ``steps`` and nowhere else.
"""
