"""Turn signals into matches: the reference set, its search and its files.

``entries`` and ``search`` are pure; ``files`` maps generations from LMDB, and
``writing`` makes new ones. Start at ``store``. A file that cannot be read or
written is a ``StoreError``, a damaged one a ``StoreCorruptError``.
"""
