"""The issuer's tools: from a folder of pictures to a signed set that is published.

They run on the issuer's own machine, on a folder that the officers share, and need no
network. Rules this package keeps: officers sign exactly the proposal; nothing is
published below its threshold; a published file is never changed; a private key is never
on disk in the clear, and never on a command line. An act that cannot be done is an
``IssuerError``, with what to do about it.
"""
