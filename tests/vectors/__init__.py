"""Values that others published, with where they stand; never values of our own making.

``pdq.json`` holds the pixels of a picture of 26 x 28 and its PDQ. ``named.json`` names
pictures that are not kept here, because this repository keeps none, and their values:
put them into a folder, name it in ``UPLOADFILTER_VECTOR_PICTURES``, and the tests in
``tests/signals/test_vectors.py`` hash them too.
"""
