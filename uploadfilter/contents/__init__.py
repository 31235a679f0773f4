"""What content is, and whether there is more in it than was looked at.

Everything here works on bytes that are there already: nothing is decoded or unpacked.
"""
