"""Contents of files: sealed on disk under names made by chance, each with a key of its own in tb_content.

The key lies sealed by the vault for this file, so a rotation seals some bytes anew and not the file.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from functools import partial
from pathlib import Path

from core.crypto.stream import SealedFile, SealingWriter, Stored
from core.crypto.vault import Vault
from core.fields.times import utc_now
from core.store.crypto_tables import CONTENT
from core.store.database import Database, Insert, Transaction
from core.store.statement import statement

#: Where contents are written before a row holds them.
INCOMING = "incoming"


class Contents:
    """Of one installation; several of them over one folder are as good as one."""

    def __init__(self, database: Database, vault: Vault, folder: Path) -> None:
        self._database, self._vault = database, vault
        self.folder = folder

    def begin(self) -> SealingWriter:
        """A new content that belongs to nobody yet: `keep` or `discard` it."""
        incoming = self.folder / INCOMING
        incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, path = tempfile.mkstemp(dir=incoming, prefix="sealed-")  # mode 0600
        return SealingWriter(Path(path), os.fdopen(descriptor, "w+b"), self._vault.new_stream_key())

    async def keep(self, tx: Transaction, id: str, written: SealingWriter) -> None:
        """Give a closed content to the row `id` of core.file, in the transaction that makes the row."""
        name = secrets.token_hex(32)
        place = place_of(self.folder, name)
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Content first: a row never points to nothing. Content without a row is swept.
        os.replace(written.path, place)
        tx.ended.append(partial(_unless_taken_back, place))
        key = self._vault.seal(self._vault.stream_key_text(written.key), _context(id))
        await tx.insert([Insert(CONTENT, {"id": id, "place": name, "key": key, "at": utc_now()})])

    async def find(self, id: str, former: str | None) -> Stored | None:
        """The content of a row of core.file, to be opened with `open("rb")`; None = there is none.

        `former` is what the row holds as digest: a content that has not been sealed yet lies plain under it. SealError
        when the key cannot be opened.
        """
        text = "SELECT place, key FROM tb_content WHERE id = {id}"
        rows = await self._database.fetch(*statement(self._database.dialect, CONTENT, text, id=id))
        if not rows:
            plain = place_of(self.folder, former or "-")
            return plain if plain.is_file() else None
        place = place_of(self.folder, rows[0][0])
        key = self._vault.stream_key(self._vault.unseal(rows[0][1], _context(id)))
        return SealedFile(place, key) if place.is_file() else None

    def fingerprint(self, sha256: str) -> str:
        """What core.file keeps of a content: a keyed digest, so that a dump does not tell who holds a known file."""
        return self._vault.fingerprint(sha256, "core.file")


def place_of(folder: Path, name: str) -> Path:
    return folder / name[:2] / name[2:4] / name


def _context(id: str) -> str:
    return f"{CONTENT.name}.key:{id}"


def _unless_taken_back(place: Path, done: bool | None) -> None:
    if done is False:
        place.unlink(missing_ok=True)
