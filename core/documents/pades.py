"""Signatures inside PDFs, by pyHanko. Any reader of PDFs can check them without asking this host.

pyHanko is imported when something is signed: it takes a second and a worker that prints nothing needs none of it.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization


async def sign(pdf: bytes, key: str, certificate: str, reason: str, unit: str) -> bytes:
    """PAdES over the whole file, by an unencrypted key and its certificate in PEM. Computes in a thread."""
    return await asyncio.to_thread(asyncio.run, _sign(pdf, key, certificate, reason, unit))


async def _sign(pdf: bytes, key: str, certificate: str, reason: str, unit: str) -> bytes:
    from asn1crypto.keys import PrivateKeyInfo
    from asn1crypto.x509 import Certificate
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, signers
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    private = serialization.load_pem_private_key(key.encode(), None).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    own = Certificate.load(_der(certificate))
    store: Callable[[list[Any]], Any] = SimpleCertificateStore.from_certs
    signer = signers.SimpleSigner(own, PrivateKeyInfo.load(private), store([own]))
    about = PdfSignatureMetadata(
        "Seal", md_algorithm="sha256", reason=reason, location=unit, subfilter=SigSeedSubFilter.PADES
    )
    out = await signers.async_sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), about, signer)
    return bytes(out.getbuffer())


def _der(certificate: str) -> bytes:
    return x509.load_pem_x509_certificate(certificate.encode()).public_bytes(serialization.Encoding.DER)
