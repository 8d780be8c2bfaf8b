"""Keys of this installation, each wrapped by a root key that is not in the database."""

from __future__ import annotations

from core.fields.column import Column, Index, Table

KEY = Table(
    "tb_key",
    (
        #: Travels with every value made with the key.
        Column("id", "text", null=False, primary=True),
        Column("use", "text", null=False),
        Column("profile", "text", null=False),
        #: Counts the keys of one use and profile; the index lets only one of several starting nodes make each.
        Column("number", "int", null=False),
        #: Name of the root key that wraps it.
        Column("root", "text", null=False),
        Column("wrapped", "text", null=False),
        Column("made_at", "datetime", null=False),
        #: Not used for new values before this time, so that every node has read it by then.
        Column("active_at", "datetime", null=False),
    ),
    (Index(("use", "profile", "number"), unique=True),),
)

#: How the values of a field lie, once every row has been brought there: what a manifest changes is seen by comparing.
AT_REST = Table(
    "tb_at_rest",
    (
        #: "core.person.idno"
        Column("id", "text", null=False, primary=True),
        Column("layout", "text", null=False),
    ),
)

#: Where the content of a file lies, and with what it opens. No row, no content.
CONTENT = Table(
    "tb_content",
    (
        #: core.file
        Column("id", "uuid", null=False, primary=True),
        #: Name of the file on disk, made by chance.
        Column("place", "text", null=False),
        #: The file's own key, sealed.
        Column("key", "text", null=False),
        Column("at", "datetime", null=False),
    ),
    (Index(("place",), unique=True),),
)

CRYPTO_TABLES = (KEY, AT_REST, CONTENT)
