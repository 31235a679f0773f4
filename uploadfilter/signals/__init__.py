"""Pictures become signals: exact digests of bytes, perceptual signals of views.

Start at ``views.view_of`` for pictures, at ``exact.Digests`` for bytes, and at
``registry`` to add a signal type.
"""
