import asyncio

from core.ops.health import read_readiness


async def fine() -> str | None:
    return None


async def lacking() -> str | None:
    return "没有连上"


async def hangs() -> str | None:
    await asyncio.sleep(60)
    return None


async def breaks() -> str | None:
    raise RuntimeError("postgres://user:secret@host/db")


async def test_everything_missing_is_named_and_nothing_leaks() -> None:
    needed = {"a": fine, "b": lacking, "c": hangs, "d": breaks}
    report = await read_readiness(needed, {"e": lacking, "f": fine}, timeout_s=0.05)
    assert report.to_json() == {
        "ready": False,
        "missing": {"b": "没有连上", "c": "0.05 秒内没有回答", "d": "检查失败：RuntimeError"},
        "warnings": {"e": "没有连上"},
    }


async def test_a_warning_does_not_keep_traffic_away() -> None:
    report = await read_readiness({"a": fine}, {"b": lacking})
    assert report.is_ready
    assert report.missing == {}
