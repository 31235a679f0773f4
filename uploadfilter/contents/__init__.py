"""Tell what a content is, and find the contents that stand inside it.

No picture is decoded here.
"""
