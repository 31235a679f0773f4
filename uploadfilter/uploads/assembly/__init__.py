"""Put an upload together that comes in several requests, and keep it until its verdict.

``assembly`` is the state machine of one such upload, ``journal`` the lines by which it
outlives a process, and one module for each protocol reads heads. Everything here is a
function of its arguments; ``uploadfilter/proxy/assembling`` holds the bytes.
"""
