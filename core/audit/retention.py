"""What is older than the law asks for goes; the chain stays verifiable from there on."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.audit.audit import SYSTEM, Audit
from core.audit.chain import Checkpoint, Seal
from core.audit.entry import Entry
from core.audit.rows import read_checkpoint, read_rows, seal_of
from core.settings import AUDIT_DAYS_MIN
from core.store.audit_tables import AUDIT, AUDIT_CHECKPOINT, AUDIT_SEAL
from core.store.database import Insert, Transaction
from core.store.statement import statement

#: Seals of one transaction: short enough never to hold up a writer.
STEP = 200


async def expire(audit: Audit, now: datetime, days: int) -> int:
    """Remove sealed lines older than `days`; returns how many."""
    if days < AUDIT_DAYS_MIN:
        raise ValueError(f"audit lines are kept {AUDIT_DAYS_MIN} days at least")
    total, step = 0, -1
    while step:
        async with audit.database.transaction() as tx:
            step = await _expire_some(audit, tx, now - timedelta(days=days), now)
        total += step
    return total


async def _expire_some(audit: Audit, tx: Transaction, before: datetime, now: datetime) -> int:
    """Seals go from the oldest on, and only whole: the first that is too young ends it."""
    dialect = audit.database.dialect
    rows = await read_rows(tx, dialect, AUDIT_SEAL, f"ORDER BY id LIMIT {STEP}")
    seals: list[Seal] = []
    for seal in map(seal_of, rows):
        if seal.at >= before:
            break
        seals.append(seal)
    if not seals:
        return 0
    lines = sum(seal.last - seal.first + 1 for seal in seals)
    for table in ("tb_audit_subject", "tb_audit"):
        for seal in seals:
            text = f"DELETE FROM {table} WHERE lane = {{lane}} AND number >= {{a:number}} AND number <= {{b:number}}"
            await tx.execute(*statement(dialect, AUDIT, text, lane=seal.lane, a=seal.first, b=seal.last))
    await tx.execute(*statement(dialect, AUDIT_SEAL, "DELETE FROM tb_audit_seal WHERE id <= {id}", id=seals[-1].id))
    await _move_checkpoint(audit, tx, seals, now)
    detail = f"removed {lines} lines up to seal {seals[-1].id}"
    await audit.within(tx, Entry(SYSTEM, "audit_retention", "tb_audit", detail=detail))
    return lines


async def _move_checkpoint(audit: Audit, tx: Transaction, seals: list[Seal], now: datetime) -> None:
    dialect = audit.database.dialect
    old = (await read_checkpoint(tx, dialect))[0]
    lanes = {**old.lanes, **{seal.lane: seal.last for seal in seals}}
    made = Checkpoint(seals[-1].id, seals[-1].hash, lanes, now)
    await tx.execute(f"DELETE FROM {AUDIT_CHECKPOINT.name} WHERE id <= {made.id}")
    await tx.insert([Insert(AUDIT_CHECKPOINT, made.values(audit.vault))])
