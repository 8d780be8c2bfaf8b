"""The product's own server, its writes without audit lines: python -m tests.bench.unaudited PORT.

No setting does this. Here the writer is handed no audit, and nobody seals.
"""

from __future__ import annotations

import sys

import core.plugins.builder
from core.app import build_app
from core.audit.sealer import Sealer
from core.cli.serve import Server, build_config
from core.ops.logs import configure_logs
from core.settings import read_settings
from core.write import Writer


class Unaudited(Writer):
    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **{**named, "audit": None})  # type: ignore[arg-type]  # what Builder passes


def main(port: int) -> None:
    core.plugins.builder.Writer = Unaudited  # type: ignore[attr-defined]  # this process only
    Sealer.start = lambda self: None  # type: ignore[method-assign]  # this process only
    settings = read_settings()
    configure_logs()
    Server(build_config(build_app(settings), "127.0.0.1", port), settings).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
