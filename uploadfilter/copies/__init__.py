"""The search for altered copies after the answer: a queue, and a process that works.

The proxy offers accepted uploads (``inspection/afterwards.py``); what is found is
put on record beside the decision, which it does not change.

Rules this package keeps: no upload waits for it, and none fails because of it; whatever
is not searched is counted; nothing of an upload goes to disk.
"""
