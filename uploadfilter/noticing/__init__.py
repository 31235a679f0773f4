"""Notices: what people come across and report, forwarded to a hotline.

A button on the answer pages, and on the host's own pages, leads to a small form without
a script. It takes no file. A notice is queued on disk until the hotline has it.
"""
