"""`python -m fastgd` is the command `fastgd`."""

import sys

from fastgd.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
