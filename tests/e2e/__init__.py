"""The installed program, a real origin, and curl as the client.

``make e2e`` runs these against the built wheel; ``UPLOADFILTER_PROGRAM`` names another
program. They need curl, so ``make test`` leaves them out.
"""
