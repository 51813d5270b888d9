"""``python -m dgpo.cli``."""

import sys

from dgpo.cli import main

sys.exit(main())
