"""The only entry: python server.py serve|worker|setup|check|migrate|demo|token|plugins|sdl|explain|coverage|version."""

import os
import sys

try:
    from core.cli import main
except ModuleNotFoundError as error:
    sys.exit(f"错误：这个 Python 里没有 {error.name}：先运行 make setup，再用 .venv/bin/python server.py …")

if __name__ == "__main__":
    # Rows about residents, keys and uploads are for this account alone, whatever the shell allows.
    os.umask(0o077)
    sys.exit(main())
