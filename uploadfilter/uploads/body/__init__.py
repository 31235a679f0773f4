"""Read the contents of a request's body, and encode a form anew.

``extractors`` turn a body into contents as its bytes arrive; ``parts`` reads the header
section of a form's part; ``canonical`` encodes a form so that every origin reads it in
the same way.
"""
