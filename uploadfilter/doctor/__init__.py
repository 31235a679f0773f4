"""Find out what is wrong with an installation, for an operator at any hour.

``uploadfilter doctor`` makes every check of this room in turn and shows the results:
the configuration, the state directory, the reference set, the signed sets, the decision
log and its disk, the scanners, and the proxies that run.

Rules this room keeps: it changes nothing; a check that cannot be made is a result
too, and never a good one; a result that is not good says what to do.

To add a check, write a function that yields ``Diagnosis`` and call it in
``cli/doctor.py``.
"""
