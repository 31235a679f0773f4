"""Tell what a content is, and find the contents that stand inside it.

``kinds`` says what bytes are; ``containers`` lists what is unpacked (``archives``,
``carriers``, ``pdf``, ``streams``); ``texts`` finds what is encoded in text,
``carving`` what begins anywhere else. No picture is decoded here.
"""
