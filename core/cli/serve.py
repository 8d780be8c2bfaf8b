"""`serve`: run the server in this process."""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
import uvicorn

from core.api.wire import OneWriteProtocol
from core.app import App, build_app
from core.cli import UserError
from core.cli.welcome import render_welcome
from core.ops.logs import configure_logs
from core.ops.settle import settle
from core.settings import Settings

log = structlog.get_logger("tongban.serve")

HELP = "启动服务"
EXAMPLE = "python server.py serve --host 127.0.0.1 --port 8000 --profile dev"
#: Time running requests get after SIGTERM.
GRACE_S = 5


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="监听地址（默认 127.0.0.1）")
    parser.add_argument("--port", type=_port, default=8000, help="监听端口（默认 8000，0 = 任意空闲端口）")
    parser.add_argument("--profile", choices=("prod", "dev", "audit"), help="运行环境（默认取 TONGBAN_PROFILE）")


def run(args: argparse.Namespace, settings: Settings) -> int:
    settings = settings.with_profile(args.profile).served_at(args.port)
    configure_logs(messages=settings.profile == "dev")
    # Uvicorn stops cleanly, then hands the signal on: a stop that was asked for is a success.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # A shell's background job starts with SIGINT ignored; an interrupted server must say so all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    app = build_app(settings)
    with lock(settings):
        server = Server(build_config(app, args.host, args.port), settings)
        try:
            server.run()
            code = 0 if server.started else 1
        except SystemExit as end:
            code = 1 if end.code else 0
    if app.failure is not None:
        raise UserError(f"启动失败：{app.failure}")
    if code and not server.started:
        raise UserError(f"不能监听 {args.host}:{args.port}：端口被占用、无权使用或地址不属于本机；可换 --port")
    return code


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"端口 {text!r} 应为 0 到 65535")
    return int(text)


class Server(uvicorn.Server):
    """Settles once it listens. In development it says how to talk to it: the tokens it prints open the county."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self.settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        settle()
        if not self.started:
            return
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        url = f"http://{host}:{port}"
        log.info("listening", url=url)
        if self.settings.profile == "dev":
            print(render_welcome(self.settings, url), flush=True)


def build_config(app: App, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=OneWriteProtocol,
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=True,
        forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"),
        timeout_graceful_shutdown=GRACE_S,
        limit_concurrency=None,
        ws_max_size=256 * 1024,
        h11_max_incomplete_event_size=64 * 1024,
    )


@contextmanager
def lock(settings: Settings) -> Iterator[None]:
    """One server per data directory, unless the database takes several writers. The lock dies with the process."""
    if settings.database_url.startswith("postgres"):
        yield
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with Path(settings.data_dir, "serve.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"数据目录 {settings.data_dir} 已有一个服务在运行；请先停止它，或用 TONGBAN_DATABASE_URL 换成 Postgres"
            ) from None
        yield
