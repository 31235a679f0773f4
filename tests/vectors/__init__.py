"""Values that others published, with their sources; none is made by this project.

``named.json`` names pictures and their values. The pictures are not kept here, because
this repository keeps none: ``make test`` takes them out of the source packages in
``requirements/vectors.txt``, which are downloaded by name and checked by hash. It names
their folder in ``UPLOADFILTER_VECTOR_PICTURES`` for ``tests/signals/test_vectors.py``.

No published value of PDQ comes with a picture that a registry has by name. PDQ is held
against ``pdqhash`` instead (``tests/signals/test_pdq.py``, ``benchmarks/hashing.py``).
"""
