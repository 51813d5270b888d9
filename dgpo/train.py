"""`python -m dgpo.train` is `dgpo train`."""

import sys

from dgpo.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
