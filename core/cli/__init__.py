"""Commands: one module each, found by name. A module has HELP, EXAMPLE, arguments(parser) and run(args, settings)."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Protocol

from core.settings import Settings, SettingsError, read_settings
from core.store.errors import StoreError

COMMANDS = (
    "serve",
    "worker",
    "setup",
    "check",
    "migrate",
    "demo",
    "token",
    "plugins",
    "sdl",
    "explain",
    "import",
    "export",
    "audit",
    "minors-report",
    "keys",
    "coverage",
    "version",
)


#: Commands whose names Python keeps for itself.
MODULES = {"import": "import_rows", "export": "export_rows", "minors-report": "minors_report"}


class UserError(Exception):
    """Something the operator can put right; printed as one sentence, exit 1."""


class Command(Protocol):
    HELP: str
    EXAMPLE: str

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None: ...

    @staticmethod
    def run(args: argparse.Namespace, settings: Settings) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Results go to standard output, everything else to standard error."""
    words = list(sys.argv[1:] if argv is None else argv)
    # Only the named command is imported: `version` must not wait for a web server to load.
    named = [words[0]] if words and words[0] in COMMANDS else list(COMMANDS)
    parser = argparse.ArgumentParser(prog="python server.py", description="通办 Tongban")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    modules: dict[str, Command] = {}
    for name in named:
        module: Command = importlib.import_module(f"core.cli.{MODULES.get(name, name)}")  # type: ignore[assignment]  # a module as a protocol
        modules[name] = module
        sub = commands.add_parser(
            name,
            help=module.HELP,
            description=module.HELP,
            epilog=f"例：{module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,  # an example stays one line, to be copied
        )
        module.arguments(sub)
    args = parser.parse_args(words)
    return _run(modules[args.command], args)


def _run(command: Command, args: argparse.Namespace) -> int:
    try:
        return command.run(args, read_settings())
    except (UserError, SettingsError, StoreError) as error:
        print(f"错误：{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"错误：{error.filename or '系统'}：{error.strerror or error}", file=sys.stderr)
        return 1
