"""An upload proxy that stops known pictures before they are published.

Start reading at ``model`` (the words), then ``inspection`` (the way of one
upload); ``docs/design.md`` draws the whole.
"""

import os

# OpenBLAS reads it when numpy is loaded, which any module below may do. Its threads
# wait busily for each other: the small matrices of a judgement took 46 ms of CPU time
# with two threads, and 14 with one. Several uploads and scanners use the other cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
