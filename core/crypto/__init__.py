"""Ciphers, keys and what is sealed with them."""

from core.crypto.errors import KeyGoneError, RootKeyError, SealError, TamperedError
from core.crypto.vault import Vault

__all__ = ["KeyGoneError", "RootKeyError", "SealError", "TamperedError", "Vault"]
