"""An upload proxy that stops known pictures before they are published.

Start reading at ``model`` (the words), then ``proxy.inspection`` (the way of one
upload); ``docs/design.md`` draws the whole.
"""
