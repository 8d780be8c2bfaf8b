"""How long a line waits for its seal while others write, and when the one who seals is killed."""

from __future__ import annotations

import asyncio
import sys
from time import monotonic

from core.audit.reading import LAG_MAX_S, State, read_state
from tests.audit.conftest import Bench
from tests.audit.test_writes import CHILD, NOTE, fault, writer_of
from tests.write.test_writer import CLERK

#: Nobody waits this long on a machine that moves at all.
DEADLINE_S = 60.0


async def until_sealed(bench: Bench) -> State:
    ends = monotonic() + DEADLINE_S
    while (state := await read_state(bench.database, bench.audit.sealer)).waiting:
        assert monotonic() < ends, state
        await asyncio.sleep(0.05)
    return state


async def test_a_line_is_sealed_soon_while_others_write(bench: Bench) -> None:
    writer = await writer_of(bench)
    lags: list[float] = []
    bench.audit.sealer.start()
    is_over = False

    async def work(worker: int) -> None:
        n = 0
        while not is_over:
            n += 1
            await writer.create(CLERK, NOTE, {"title": f"{worker}.{n}"})

    workers = [asyncio.create_task(work(worker)) for worker in range(4)]
    # Figures of several passes, however slow the machine is.
    while len(lags) < 60 or bench.audit.sealer._last is None or bench.audit.sealer._last.id < 8:
        lags.append((await read_state(bench.database, bench.audit.sealer)).lag_s)
        await asyncio.sleep(0.05)
    is_over = True
    await asyncio.gather(*workers)
    state = await until_sealed(bench)
    await bench.audit.close()
    print(f"lag: longest {max(lags):.2f} s, {await bench.count()} lines, seal {state.last_seal}")
    assert max(lags) < LAG_MAX_S
    assert (state.trouble, await fault(bench)) == ("", "")


async def test_the_next_one_seals_what_a_killed_sealer_left(bench: Bench) -> None:
    """Both seal at first; one is killed with lines under way, the other goes on and writes."""
    writer = await writer_of(bench)
    url, schema = bench.place
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, url, schema or "", str(bench.settings.data_dir), "x",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    while not await bench.count("tb_audit_seal"):
        assert await process.stdout.readline()
    reading = asyncio.create_task(process.stdout.read())
    await bench.audit.sealer._look(at_once=False)
    assert not bench.audit.sealer._leads
    bench.audit.sealer.start()
    process.kill()
    await process.wait()
    killed, sealed = monotonic(), await bench.count("tb_audit_seal")
    await writer.create(CLERK, NOTE, {"title": "after"})
    await until_sealed(bench)
    print(f"sealed {monotonic() - killed:.2f} s after the kill")
    await bench.audit.close()
    await reading
    found = await bench.rows("tb_audit_seal", "id")
    assert len(found) > sealed
    assert [row["id"] for row in found] == list(range(1, len(found) + 1))
    for lane in {row["lane"] for row in found}:
        own = [row for row in found if row["lane"] == lane]
        assert [row["first"] for row in own] == [1, *(row["last"] + 1 for row in own[:-1])]
    assert sum(row["last"] - row["first"] + 1 for row in found) == await bench.count()
    assert await fault(bench) == ""
