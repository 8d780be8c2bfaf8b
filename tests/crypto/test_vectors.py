"""The suites against the numbers that their standards print."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gmalg import SM2

from core.crypto.aes import Aes
from core.crypto.sm import SIGNER, Sm

SM, AES = Sm(bytes(32)), Aes(bytes(32))


def h(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        # GB/T 32905-2016 A.1, A.2
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3(text: bytes, digest: str) -> None:
    assert SM.digest(text).hex() == digest


@pytest.mark.parametrize(
    ("key", "text", "mac"),
    [
        # GM/T 0042-2015 D.3
        (
            bytes(range(1, 33)),
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" * 2,
            "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a",
        ),
        (bytes(range(1, 38)), b"\xcd" * 50, "220bf579ded555393f0159f66c99877822a3ecf610d1552154b41d44b94db3ae"),
    ],
)
def test_hmac_sm3(key: bytes, text: bytes, mac: str) -> None:
    assert SM.mac(key, text).hex() == mac


def test_sm4() -> None:
    """GB/T 32907-2016 A.1 and A.2: one block once, and the same block a million times over."""
    key = text = h("0123456789abcdeffedcba9876543210")
    cipher = Cipher(SM4(key), modes.ECB()).encryptor()
    assert cipher.update(text).hex() == "681edf34d206965e86b3e94f536e4246"
    for _ in range(1_000_000):
        text = cipher.update(text)
    assert text.hex() == "595298c7c6fd271f0402f804c33d3f66"


def test_sm4_gcm() -> None:
    """RFC 8998 A.1."""
    key, nonce = h("0123456789abcdeffedcba9876543210"), h("00001234567800000000abcd")
    text = h("aa" * 8 + "bb" * 8 + "cc" * 8 + "dd" * 8 + "ee" * 8 + "ff" * 8 + "ee" * 8 + "aa" * 8)
    aad = h("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    sealed = SM.gcm(key, nonce, text, aad)
    assert sealed.hex() == (
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    assert SM.open_gcm(key, nonce, sealed, aad) == text


async def test_sm2_signature() -> None:
    """GB/T 32918.5-2017 A.2: the key, the random number and the signature are printed there."""
    key = h("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
    public = h(
        "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
        "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    )
    random = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
    r, s = SM2(key, SIGNER, rnd_fn=lambda bits: random).sign(b"message digest")
    assert r.hex() == "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    assert s.hex() == "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
    assert await SM.public_key(key) == public
    assert await SM.verify(public, b"message digest", r + s)
    assert not await SM.verify(public, b"message digesT", r + s)
    assert not await SM.verify(public, b"message digest", s + r)
    assert await SM.verify(public, b"once more", await SM.sign(key, b"once more"))


def test_sha256_and_hmac() -> None:
    """FIPS 180-4 and RFC 4231 test case 2."""
    assert AES.digest(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    mac = AES.mac(b"Jefe", b"what do ya want for nothing?")
    assert mac.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_aes_256_gcm() -> None:
    """The GCM specification, test case 16."""
    key, nonce = h("feffe9928665731c6d6a8f9467308308" * 2), h("cafebabefacedbaddecaf888")
    text = h(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    aad = h("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    assert AES.gcm(key, nonce, text, aad).hex() == (
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )


async def test_ecdsa_p256() -> None:
    """RFC 6979 A.2.5, SHA-256, "sample": verified; our own signatures are random."""
    key = h("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
    signature = h(
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    )
    public = await AES.public_key(key)
    expected = ec.derive_private_key(int.from_bytes(key, "big"), ec.SECP256R1()).public_key()
    assert public == expected.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert await AES.verify(public, b"sample", signature)
    assert not await AES.verify(public, b"Sample", signature)
    assert await AES.verify(public, b"once more", await AES.sign(key, b"once more"))
