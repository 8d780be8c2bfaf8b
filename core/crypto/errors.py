"""What goes wrong with keys and with what they sealed."""

from __future__ import annotations

from core.settings import SettingsError


class RootKeyError(SettingsError):
    """The root key is missing, damaged or another one; the message says where it should be."""


class SealError(Exception):
    """A sealed value that cannot be opened. Nothing of the value is in the message."""


class KeyGoneError(SealError):
    """The key a value names is not in tb_key; the value stays as it is and opens again once the key is back."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"密钥 {key_id} 不在了：运行 python server.py keys list 查看，并从备份恢复 tb_key 里的这一行")
        self.key_id = key_id


class TamperedError(SealError):
    """The bytes were changed, or belong to another row or field."""

    def __init__(self) -> None:
        super().__init__("密文被改动过，或者不属于这一行的这个字段")
