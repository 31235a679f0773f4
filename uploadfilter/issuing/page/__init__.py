"""The issuer's steps on a page of this machine, for people without a shell.

The page does the same as ``uploadfilter issuer``, with the same functions. ``steps``
decides which acts are possible, ``door`` which browser is admitted, ``forms`` reads
forms (all pure); ``acts`` works on the folder, in threads that ``work`` runs; ``desk``
answers requests, and ``serving`` listens.

Rules this package keeps: it listens on this machine only, and for one browser; no
picture or part of one is shown, stored, named or logged; a passphrase is never in a
URL, a log or an argument; ``steps`` alone decides which acts the page offers. A form
that lacks something is a ``UsageError``.
"""
