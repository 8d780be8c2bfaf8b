"""Root fields of what people may demand about themselves: one module per topic, joined here."""

from __future__ import annotations

from core.api import consent_roots, minors_roots, my_data_roots, proxy_roots
from core.api.compose import Roots


def privacy_roots() -> tuple[Roots, ...]:
    return (consent_roots.ROOTS, proxy_roots.ROOTS, my_data_roots.ROOTS, minors_roots.ROOTS)
