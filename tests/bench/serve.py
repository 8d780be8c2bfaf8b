"""The two servers of comparison: python -m tests.bench.serve limit|naive --database URL --secrets DIR --port N."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from core.identity.keys import KeyRing
from core.identity.tokens import Tokens
from tests.bench import limit, naive


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=("limit", "naive"))
    parser.add_argument("--database", required=True)
    parser.add_argument("--schema")
    parser.add_argument("--secrets", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    module = {"limit": limit, "naive": naive}[args.name]
    app = module.application(args.database, args.schema, Tokens(KeyRing(args.secrets), takes_development=True))
    uvicorn.run(
        app,
        port=args.port,
        loop="uvloop",
        http="httptools",
        lifespan="on" if args.name == "naive" else "off",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
