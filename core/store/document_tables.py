"""Tables of the documents room: seals of units, and the documents written out under them."""

from __future__ import annotations

from core.fields.column import Column, Index, Table

#: The electronic seal of a unit: its key pair and what others check signatures with.
SEAL = Table(
    "tb_seal",
    (
        Column("id", "uuid", null=False, primary=True),
        #: Unified social credit code of the unit, and its name as it stands on the seal.
        Column("uscc", "text", null=False),
        Column("unit", "text", null=False),
        #: X.509, PEM.
        Column("certificate", "text", null=False),
        #: Private key, sealed.
        Column("key", "text", null=False),
        Column("made_at", "datetime", null=False),
        #: Counts the seals of a unit; the index lets only one of several processes make each.
        Column("number", "int", null=False),
        Column("stopped_at", "datetime"),
    ),
    (Index(("uscc", "number"), unique=True),),
)

#: A certificate somebody was given. What it says is sealed; it is found by a keyed hash of its code.
DOCUMENT = Table(
    "tb_document",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("code", "text", null=False),
        #: "<case number>-<how many of the case>"
        Column("number", "text", null=False),
        Column("case_number", "text", null=False),
        Column("plugin_id", "text", null=False),
        Column("template", "text", null=False),
        Column("title", "text", null=False),
        Column("entity", "text", null=False),
        Column("row_id", "uuid", null=False),
        Column("file_field", "text", null=False),
        #: Type of the e-licence in its holder's wallet; "" = none.
        Column("licence", "text", null=False),
        Column("uscc", "text", null=False),
        Column("unit", "text", null=False),
        #: core.person or core.legal_entity.
        Column("holder", "uuid"),
        #: Sealed JSON: what is printed, and the code.
        Column("content", "text", null=False),
        Column("issued_on", "date", null=False),
        #: The last day it is good for.
        Column("valid_to", "date"),
        #: waiting (for the printer), issued, revoked
        Column("status", "text", null=False),
        Column("made_at", "datetime", null=False),
        Column("printed_at", "datetime"),
        Column("seal", "uuid"),
        #: core.file, and a keyed digest of its content.
        Column("file", "uuid"),
        Column("digest", "text"),
        #: "<key id>.<signature>" of the installation over all of this.
        Column("signature", "text"),
        Column("revoked_at", "datetime"),
        Column("revoked_by", "text"),
        #: Sealed.
        Column("revoked_why", "text"),
        #: Why the printer could not yet: the name of an error.
        Column("trouble", "text"),
    ),
    (
        Index(("code",), unique=True),
        Index(("case_number", "number"), unique=True),
        Index(("status", "made_at")),
        Index(("digest",)),
        Index(("holder", "made_at")),
    ),
)

#: A licence held out to be scanned: once, within a minute.
LICENCE_SHOW = Table(
    "tb_licence_show",
    (
        #: Keyed hash of the token in the QR code.
        Column("id", "text", null=False, primary=True),
        Column("document", "uuid", null=False),
        Column("expires_at", "datetime", null=False),
    ),
    (Index(("document",)), Index(("expires_at",))),
)

#: A unit may look at a licence for a purpose, until a day.
LICENCE_GRANT = Table(
    "tb_licence_grant",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("document", "uuid", null=False),
        #: core.person
        Column("holder", "uuid", null=False),
        #: core.org_unit
        Column("org", "uuid", null=False),
        #: Sealed.
        Column("purpose", "text", null=False),
        Column("granted_at", "datetime", null=False),
        Column("until", "datetime", null=False),
        Column("revoked_at", "datetime"),
    ),
    (Index(("holder", "granted_at")), Index(("org", "until"))),
)

DOCUMENT_TABLES = (SEAL, DOCUMENT, LICENCE_SHOW, LICENCE_GRANT)
