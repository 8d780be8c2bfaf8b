"""Names and clocks the manifest refuses are those the lower and upper rooms cannot take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tortoise.models import Model

from core.fields.system import SYSTEM_FIELDS
from core.jobs.clock import CronError, parse_cron
from core.manifest.reserved import RESERVED
from core.manifest.sections.jobs import is_cron


def test_every_public_name_of_the_model_class_is_reserved() -> None:
    # Names with a capital are no field names anyway.
    public = {name for name in dir(Model) if not name.startswith("_") and name.islower()}
    assert public - RESERVED == set()


def test_columns_of_the_host_are_reserved() -> None:
    assert {*SYSTEM_FIELDS, "deleted_at", "masked_fields", "class", "pk"} <= RESERVED


_PIECE = st.from_regex(r"(\*|[0-9]{1,3}(-[0-9]{1,2})?)(/[0-9]{1,2})?|[a-z,]{0,2}", fullmatch=True)


@given(st.lists(st.lists(_PIECE, min_size=1, max_size=2).map(",".join), min_size=4, max_size=6).map(" ".join))
def test_the_check_takes_exactly_the_clocks_that_can_be_read(text: str) -> None:
    try:
        parse_cron(text)
    except CronError:
        assert not is_cron(text)
    else:
        assert is_cron(text)
