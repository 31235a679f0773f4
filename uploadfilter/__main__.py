"""Run the command line as ``python -m uploadfilter``."""

from uploadfilter.cli import main

if __name__ == "__main__":
    main()
