"""A searching process that ends at its first request, as after a crash."""

import sys

if __name__ == "__main__":
    sys.stdin.buffer.read(1)
    sys.exit(3)
