"""The only entry: python server.py serve|worker|check|migrate|demo|token|plugins|sdl|explain|coverage|version."""

import sys

from core.cli import main

if __name__ == "__main__":
    sys.exit(main())
