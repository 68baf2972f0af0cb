"""`python3 -m quota_conformance`, or the path of this folder in place of the module's name."""

import os
import sys

if not __package__:
    # Run as a folder: the package is the folder itself, found beside it.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from quota_conformance.cli import main  # noqa: E402 (the path comes first)

sys.exit(main())
