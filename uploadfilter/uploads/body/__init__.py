"""The body of a request: which contents it holds, and how a form is written anew.

``extractors`` turn a body into contents as its bytes arrive; ``parts`` reads the head
of a form's part; ``canonical`` encodes a form so that every origin reads the same.
"""
