"""The keys of one installation, and what is done with them: seal, unseal, look up, authenticate, sign."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import logging
from collections.abc import Mapping

from core.crypto.aes import Aes
from core.crypto.errors import KeyGoneError, TamperedError
from core.crypto.keys import USES, Key, Providers, Use, key_rows, make_key, read_keys
from core.crypto.root import make_root, read_root
from core.crypto.sm import Sm
from core.crypto.stream import StreamKey
from core.fields.sealed import SEALED_PREFIX as PREFIX
from core.fields.times import utc_now
from core.settings import Settings
from core.store.database import Database

log = logging.getLogger("tongban.crypto")
#: Keys of other processes are read this often; a new one begins to be used later than that.
FOLLOW_S = 5.0


class Vault:
    """One per process. Keys lie wrapped in tb_key; the root key that unwraps them never enters the database.

    A sealed value is "tb1.<key id>.<base64url of nonce, ciphertext and tag>": version, key and with it suite, value.
    """

    def __init__(self, database: Database, providers: Providers, profile: str) -> None:
        self._database = database
        self._providers = providers
        self.profile = profile
        self._keys: dict[str, Key] = {}
        #: Newest first, of the profile in use; those not yet active too.
        self._newest: dict[Use, list[Key]] = {}

    @classmethod
    async def open(cls, database: Database, settings: Settings) -> Vault:
        """Read the keys, make the first ones; RootKeyError when the root key is missing or does not fit."""
        if not await key_rows(database):
            make_root(settings.secrets_dir)
        return await cls.of(database, read_root(settings.secrets_dir), settings.crypto)

    @classmethod
    async def of(cls, database: Database, root: bytes, profile: str) -> Vault:
        """The same with a root key in hand."""
        vault = cls(database, {p.profile: p for p in (Sm(root), Aes(root))}, profile)
        await vault.refresh()
        for use in USES:
            if not vault._newest.get(use):
                await make_key(database, vault._providers[vault.profile], use, 1, at_once=True)
        await vault.refresh()
        return vault

    async def refresh(self) -> None:
        """Read the keys that other processes made. A key once read is never dropped."""
        for key in await read_keys(self._database, self._providers, self._keys.keys()):
            self._keys[key.id] = key
        mine = [key for key in self._keys.values() if key.provider.profile == self.profile]
        self._newest = {
            use: sorted((key for key in mine if key.use == use), key=lambda key: -key.number) for use in USES
        }

    async def follow(self) -> None:
        """Read new keys for ever, more often than new keys begin to be used."""
        while True:
            await asyncio.sleep(FOLLOW_S)
            try:
                await self.refresh()
            except Exception as error:  # one row nobody can read must not end the reading of all others
                log.warning("keys not read: %s", type(error).__name__)

    async def rotate(self, use: Use) -> Key:
        """Make the next key of a use; new values take it 30 seconds from now, when every node knows it."""
        await self.refresh()
        number = self._newest[use][0].number + 1
        await make_key(self._database, self._providers[self.profile], use, number, at_once=False)
        await self.refresh()
        return self._newest[use][0]

    @property
    def keys(self) -> Mapping[str, Key]:
        return self._keys

    def current(self, use: Use) -> Key:
        """The key new values are made with."""
        newest = self._newest[use]
        if len(newest) == 1:
            return newest[0]
        now = utc_now()
        return next((key for key in newest if key.active_at <= now), newest[-1])

    def has_old(self, use: Use) -> bool:
        """Whether there are keys that new values are no longer made with."""
        # Not by age: after a change of suite and back, the current key is older than the one it replaces.
        current, now = self.current(use), utc_now()
        return any(key.use == use and key is not current and key.active_at <= now for key in self._keys.values())

    def seal(self, text: str, context: str) -> str:
        """Encrypt; `context` ("core.person.idno:<row id>") must be the same to unseal."""
        key = self.current("data")
        sealed = key.provider.encrypt(key.secret, text.encode(), _aad(key.id, context))
        return f"{PREFIX}{key.id}.{_base64(sealed)}"

    def unseal(self, sealed: str, context: str) -> str:
        """The text again; SealError (KeyGoneError, TamperedError) when key, context or bytes are not right."""
        prefix, _, rest = sealed.partition(".")
        key_id, _, text = rest.partition(".")
        if f"{prefix}." != PREFIX or not text:
            raise TamperedError()
        key = self._key(key_id, "data")
        return key.provider.decrypt(key.secret, _bytes(text), _aad(key.id, context)).decode()

    def lookup(self, text: str, context: str) -> str:
        """A keyed hash for equality search; `context` ("core.person.idno") keeps fields apart."""
        return _lookup(self.current("lookup"), text, context)

    def lookups(self, text: str, context: str) -> list[str]:
        """What `text` may be stored as: under the current key, and under older ones until all rows are moved."""
        current = self.current("lookup")
        others = (key for key in self._keys.values() if key.use == "lookup" and key is not current)
        return [_lookup(key, text, context) for key in (current, *others)]

    def fingerprint(self, text: str, context: str) -> str:
        """A keyed hash of 64 hexadecimal digits; one key's, not searched for across keys."""
        key = self.current("lookup")
        return key.provider.mac(key.secret, f"{context}\0{text}".encode()).hex()

    def new_stream_key(self) -> StreamKey:
        """A key for one file, of the suite in use."""
        provider = self._providers[self.profile]
        return StreamKey(provider, provider.new_key())

    def stream_key_text(self, key: StreamKey) -> str:
        """What is sealed of it: "<suite>:<base64url>"."""
        return f"{key.provider.profile}:{_base64(key.secret)}"

    def stream_key(self, text: str) -> StreamKey:
        """The key again; TamperedError when this is none."""
        profile, _, secret = text.partition(":")
        if profile not in self._providers:
            raise TamperedError()
        return StreamKey(self._providers[profile], _bytes(secret))

    def mac(self, data: bytes) -> str:
        """ "<key id>.<MAC>" of the newest audit key."""
        key = self.current("audit")
        return f"{key.id}.{_base64(key.provider.mac(key.secret, data))}"

    def has_mac(self, data: bytes, mac: str) -> bool:
        """Whether `mac` is of these bytes, by whichever key it names; KeyGoneError when that key is not there."""
        key_id, _, text = mac.partition(".")
        key = self._key(key_id, "audit")
        return hmac.compare_digest(_base64(key.provider.mac(key.secret, data)).encode(), text.encode())

    def digest(self, data: bytes, profile: str = "") -> bytes:
        """32 bytes, by the hash of the profile (this one's, or the one named): SM3 or SHA-256."""
        return self._providers[profile or self.profile].digest(data)

    async def sign(self, data: bytes) -> str:
        """ "<key id>.<signature>" by the newest key pair, SM2 or ECDSA: for what leaves the database."""
        key = self.current("sign")
        return f"{key.id}.{_base64(await key.provider.sign(key.secret, data))}"

    async def has_signature(self, data: bytes, signature: str) -> bool:
        """Whether the key pair that `signature` names signed these bytes; KeyGoneError when it is not there."""
        key_id, _, text = signature.partition(".")
        key = self._key(key_id, "sign")
        try:
            return await key.provider.verify(await key.provider.public_key(key.secret), data, _bytes(text))
        except TamperedError:
            return False

    def _key(self, id: str, use: Use) -> Key:
        key = self._keys.get(id)
        if key is None:
            raise KeyGoneError(id)
        if key.use != use:
            raise TamperedError()
        return key


def _lookup(key: Key, text: str, context: str) -> str:
    data = f"{context}\0{text}".encode()
    return f"{key.id}.{_base64(key.provider.mac(key.secret, data))}"


def _aad(key_id: str, context: str) -> bytes:
    return f"{PREFIX}{key_id}:{context}".encode()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TamperedError() from None
