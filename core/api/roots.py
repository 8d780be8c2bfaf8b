"""The core's own root fields: one module each, joined here."""

from __future__ import annotations

from core.api.account_roots import account_roots
from core.api.audit_roots import audit_roots
from core.api.booking_roots import booking_roots
from core.api.calendar_roots import calendar_roots
from core.api.case_roots import case_roots
from core.api.case_stats_roots import case_stats_roots
from core.api.changes import ChangeFeed
from core.api.compose import Roots
from core.api.connector_roots import connector_roots
from core.api.console import console_roots
from core.api.document_roots import document_roots
from core.api.duty_roots import duty_roots
from core.api.exchange_roots import exchange_roots
from core.api.history_roots import history_roots
from core.api.inbox_roots import inbox_roots
from core.api.indicator_roots import indicator_roots
from core.api.legal_roots import legal_roots
from core.api.licence_roots import licence_roots
from core.api.login_roots import login_roots
from core.api.map_roots import map_roots
from core.api.message_roots import message_roots
from core.api.payment_roots import payment_roots
from core.api.privacy_roots import privacy_roots
from core.api.rating_roots import rating_roots
from core.api.seal_roots import seal_roots
from core.api.service_roots import service_roots
from core.api.session_roots import session_roots
from core.api.supervision_roots import supervision_roots
from core.api.unmask_roots import unmask_roots
from core.api.window_roots import window_roots


def build_roots(feed: ChangeFeed) -> tuple[Roots, ...]:
    """Every root field that no manifest and no plugin brings."""
    return (
        console_roots(feed),
        *privacy_roots(),
        session_roots(),
        login_roots(),
        legal_roots(),
        account_roots(),
        audit_roots(),
        unmask_roots(),
        history_roots(),
        exchange_roots(),
        calendar_roots(),
        document_roots(),
        licence_roots(),
        seal_roots(),
        service_roots(),
        case_roots(),
        inbox_roots(),
        supervision_roots(),
        window_roots(),
        case_stats_roots(),
        indicator_roots(),
        message_roots(),
        rating_roots(),
        booking_roots(),
        payment_roots(),
        connector_roots(),
        map_roots(),
        duty_roots(),
    )
