"""Objections: what an uploader says against a rejection, and its outcome.

A rejection names the id of its decision and a code (``codes``). A form takes both with
a text, and a reviewer of the operator decides (``cases``). Everything here runs in a
process of its own, beside the proxy, and shares the state directory with it.
"""
