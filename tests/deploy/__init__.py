"""Start the files in ``deploy/`` for real: front ends, units, packages, shipping.

``make deploy-test`` runs these. They need programs of Debian, and skip without them;
with ``UPLOADFILTER_REQUIRE_PROGRAMS=1``, as in CI, a missing one is a failure.
"""
