"""``python -m gtzan_exp`` is ``gtzan-exp``."""

import sys

from gtzan_exp.cli import main

sys.exit(main())
