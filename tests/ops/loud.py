"""The product's server with every logger of the process at its loudest, access lines too: -m tests.ops.loud PORT."""

from __future__ import annotations

import logging
import sys

from core.app import build_app
from core.cli.serve import Server, build_config
from core.ops.logs import configure_logs
from core.settings import read_settings


def main(port: int) -> None:
    settings = read_settings()
    configure_logs(level=logging.DEBUG)
    config = build_config(build_app(settings), "127.0.0.1", port)
    config.access_log, config.log_level = True, "trace"
    config.configure_logging()
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.disabled, logger.propagate = False, True
        logger.setLevel(1)
    logging.getLogger().setLevel(1)
    Server(config, settings).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
