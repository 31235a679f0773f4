"""``uploadfilter verify``: check logs and reports, wherever they lie."""
