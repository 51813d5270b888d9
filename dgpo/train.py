"""`python -m dgpo.train` is `dgpo train`."""

import sys

from dgpo.training.train import main

if __name__ == "__main__":
    sys.exit(main())
