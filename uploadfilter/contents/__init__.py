"""Recognize the kind of a content, and find the contents inside it.

``kinds`` recognizes kinds by their bytes; ``containers`` lists the kinds that are
unpacked (``archives``, ``carriers``, ``pdf``, ``streams``); ``texts`` finds contents
that are encoded in text, and ``carving`` contents that begin anywhere else. No picture
is decoded here.
"""
