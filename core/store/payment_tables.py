"""Tables of what people owe and pay: bills, orders handed to a payment provider, refunds, and the daily comparison.

Money is whole fen (分), never a fraction.
"""

from __future__ import annotations

from core.fields.column import Column, Index, Table

#: One debt of one payer: of a case, or of a row for a period.
BILL = Table(
    "tb_bill",
    (
        Column("id", "uuid", null=False, primary=True),
        #: Told to people; says nothing and cannot be guessed.
        Column("number", "text", null=False),
        #: "community.property"
        Column("fee", "text", null=False),
        Column("plugin_id", "text", null=False),
        Column("title", "text", null=False),
        Column("kind", "text", null=False),
        Column("entity", "text", null=False),
        Column("row_id", "uuid", null=False),
        #: "2026-11", "2026-Q4", "2026"; of a case its number, and which of its bills.
        Column("period", "text", null=False),
        Column("case_id", "uuid"),
        Column("case_number", "text"),
        Column("division", "text", null=False),
        #: core.person or core.legal_entity, one of them.
        Column("person", "uuid"),
        Column("legal_entity", "uuid"),
        Column("amount_fen", "int", null=False),
        #: Share of `amount_fen` per day after the due date, in millionths, and its ceiling in percent; 0 = none.
        Column("late_ppm", "int", null=False, default=0),
        Column("late_max_percent", "int", null=False, default=0),
        #: What came due beside the amount, as it was paid.
        Column("late_fen", "int", null=False, default=0),
        Column("paid_fen", "int", null=False, default=0),
        #: unpaid, partial, paid, waived or void
        Column("state", "text", null=False),
        Column("due_at", "datetime", null=False),
        Column("opened_at", "datetime", null=False),
        Column("closed_at", "datetime"),
        #: Who waived or voided it (account), and why, sealed.
        Column("closed_by", "text"),
        Column("reason", "text"),
        #: The order (tb_payment) under way; a bill is in one at a time.
        Column("paying", "uuid"),
    ),
    (
        Index(("number",), unique=True),
        Index(("fee", "row_id", "period"), unique=True),
        Index(("person", "opened_at")),
        Index(("legal_entity", "opened_at")),
        Index(("fee", "state", "due_at")),
        Index(("case_id",)),
    ),
)

#: One order at a payment provider, over one bill or several of one payer.
PAYMENT = Table(
    "tb_payment",
    (
        Column("id", "uuid", null=False, primary=True),
        #: The order's number at the provider too.
        Column("number", "text", null=False),
        Column("provider", "text", null=False),
        #: The provider's own number, once it has one.
        Column("provider_ref", "text"),
        Column("division", "text", null=False),
        #: Who owed; who ordered (account).
        Column("person", "uuid"),
        Column("legal_entity", "uuid"),
        Column("account", "text", null=False),
        Column("amount_fen", "int", null=False),
        Column("refunded_fen", "int", null=False, default=0),
        #: pending, paid, closed, refunding or refunded
        Column("state", "text", null=False),
        #: What the provider wants the citizen's device to open: {"url", "params"}.
        Column("link", "json"),
        Column("ordered_at", "datetime", null=False),
        Column("expires_at", "datetime", null=False),
        Column("paid_at", "datetime"),
        #: Of the electronic receipt (电子票据).
        Column("receipt", "text"),
        #: When the provider is asked next, while the order is pending.
        Column("at", "datetime", null=False),
        Column("tries", "int", null=False, default=0),
        Column("claim", "text"),
        Column("claimed_until", "datetime"),
    ),
    (
        Index(("number",), unique=True),
        Index(("receipt",), unique=True),
        Index(("state", "at")),
        Index(("person", "ordered_at")),
        Index(("legal_entity", "ordered_at")),
        Index(("paid_at",)),
    ),
)

#: Which bills an order pays, and how much of each.
PAYMENT_BILL = Table(
    "tb_payment_bill",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("payment_id", "uuid", null=False),
        Column("bill_id", "uuid", null=False),
        Column("amount_fen", "int", null=False),
        #: Of it the late fee.
        Column("late_fen", "int", null=False),
    ),
    (Index(("payment_id",)), Index(("bill_id",))),
)

#: Money that goes back: asked for by one, approved by another, then done by the provider.
REFUND = Table(
    "tb_refund",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("number", "text", null=False),
        Column("payment_id", "uuid", null=False),
        Column("amount_fen", "int", null=False),
        #: asked, approved (under way), done, refused or failed
        Column("state", "text", null=False),
        #: Sealed.
        Column("reason", "text", null=False),
        Column("asked_by", "text", null=False),
        Column("asked_person", "uuid"),
        Column("asked_at", "datetime", null=False),
        Column("decided_by", "text"),
        Column("decided_at", "datetime"),
        Column("done_at", "datetime"),
        Column("provider_ref", "text"),
        #: Kind of the last error: texts may hold data.
        Column("error", "text"),
        Column("at", "datetime", null=False),
        Column("tries", "int", null=False, default=0),
        Column("claim", "text"),
        Column("claimed_until", "datetime"),
    ),
    (Index(("number",), unique=True), Index(("payment_id",)), Index(("state", "at")), Index(("done_at",))),
)

#: One comparison of a day (+08:00) with the provider's statement.
RECONCILIATION = Table(
    "tb_reconciliation",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("day", "date", null=False),
        Column("provider", "text", null=False),
        #: Payments less refunds, and how many lines.
        Column("ours_fen", "int", null=False),
        Column("ours_lines", "int", null=False),
        Column("theirs_fen", "int", null=False),
        Column("theirs_lines", "int", null=False),
        Column("done_at", "datetime", null=False),
    ),
    (Index(("day", "provider"), unique=True),),
)

#: What does not agree, found by a callback or by the comparison; settled by a person with a reason.
DIFFERENCE = Table(
    "tb_payment_difference",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("day", "date", null=False),
        Column("provider", "text", null=False),
        #: pay or refund
        Column("line", "text", null=False),
        #: Of the payment or refund, as the provider names it.
        Column("number", "text", null=False),
        #: missing_here, missing_there, amount or state
        Column("kind", "text", null=False),
        Column("ours_fen", "int"),
        Column("theirs_fen", "int"),
        #: The provider's own number; "" = it told none.
        Column("provider_ref", "text", null=False, default=""),
        Column("found_at", "datetime", null=False),
        Column("settled_at", "datetime"),
        Column("settled_by", "text"),
        #: Sealed.
        Column("reason", "text"),
    ),
    (Index(("provider", "line", "number", "kind", "provider_ref"), unique=True), Index(("day",))),
)

PAYMENT_TABLES = (BILL, PAYMENT, PAYMENT_BILL, REFUND, RECONCILIATION, DIFFERENCE)
