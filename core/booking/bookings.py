"""The door of this room: one per process, over whichever generation stands now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from tongban_sdk.actor import Actor

from core.audit import Audit
from core.booking import closing, counter, for_cases, holding, looking, publishing
from core.booking.desk import Desk
from core.booking.for_cases import Claimant
from core.booking.holding import Wish
from core.booking.looking import Mine, Seen
from core.booking.offering import offers
from core.booking.plans import Plan
from core.booking.rows import Booking, Slot
from core.booking.settling import Settling
from core.crypto import Vault
from core.manifest.bookings import BookingKind
from core.messages import Messages
from core.store.database import Database, Transaction
from core.store.rows import read
from core.write.live import Live
from core.write.offers import Offer


class Bookings:
    """`settling` is the loop. Every refusal is a RequestError and leaves nothing."""

    def __init__(
        self, database: Database, vault: Vault, audit: Audit, messages: Messages, live: Callable[[], Live]
    ) -> None:
        self.desk = Desk(database, vault, audit, messages, live)
        self.settling = Settling(self.desk)

    def kinds(self, plugin_id: str = "") -> list[BookingKind]:
        return looking.kinds(self.desk.live, plugin_id)

    async def slots(self, actor: Actor, kind: str, resource: str, first: date, last: date) -> list[Seen]:
        """Slots of a resource the caller sees that begin on these days (+08:00), and their free places."""
        return await looking.slots(self.desk, actor, kind, resource, first, last)

    async def with_free(self, slots: Sequence[Slot]) -> list[Seen]:
        return await looking.with_free(self.desk, slots)

    async def hold(self, actor: Actor, wish: Wish, *, key: str | None = None) -> Booking:
        """Take places until the hold expires; ConflictError when there are none left."""
        return await holding.hold(self.desk, actor, wish, key)

    async def confirm(self, actor: Actor, number: str) -> Booking:
        """Make one's own hold good."""
        return await holding.confirm(self.desk, actor, number)

    async def cancel(self, actor: Actor, number: str) -> Booking:
        """Give one's own places up, in time."""
        return await holding.cancel(self.desk, actor, number)

    async def mine(self, actor: Actor, *, only_open: bool = False, first: int = 20, after: str | None = None) -> Mine:
        """The newest first, at most `first` of them; `after`: cursor of the page before."""
        return await looking.mine(self.desk, actor, only_open=only_open, first=first, after=after)

    async def slot_of(self, booking: Booking) -> Slot:
        """For who has the booking."""
        desk = self.desk
        return (await read(desk.database, desk.dialect, Slot, "id = {id}", id=booking.slot))[0]

    async def publish(
        self, actor: Actor, kind: str, resource: str, plan: Plan, *, key: str | None = None
    ) -> list[Slot]:
        """All slots of a plan or none; staff who look after the resource."""
        return await publishing.publish(self.desk, actor, kind, resource, plan, key)

    async def set_quota(self, actor: Actor, slot: str, quota: int) -> Slot:
        """Never fewer than are taken."""
        return await closing.set_quota(self.desk, actor, slot, quota)

    async def close(self, actor: Actor, slots: Sequence[str], reason: str) -> list[Slot]:
        """停办: bookings are cancelled and everybody is told."""
        return await closing.close(self.desk, actor, slots, reason)

    async def check_in(self, actor: Actor, number: str) -> Booking:
        """Somebody has come; `queue` is his number."""
        return await counter.check_in(self.desk, actor, number)

    async def of_slot(self, actor: Actor, slot: str) -> tuple[Slot, list[Booking]]:
        """Who is to come and who came; staff who look after the resource."""
        return await counter.bookings_of(self.desk, actor, slot)

    def closed_why(self, slot: Slot) -> str | None:
        """Why a slot was closed, for who had a booking of it and for its staff."""
        return self.desk.vault.unseal(slot.closed_why, closing.WHY + slot.id) if slot.closed_why else None

    async def confirm_in(self, tx: Transaction, actor: Actor, claimant: Claimant, number: str) -> None:
        """A case confirms the hold of its applicant in its own transaction; ConflictError refuses its step."""
        await for_cases.confirm_for(self.desk, tx, actor, claimant, number)

    async def release_in(self, tx: Transaction, actor: Actor, claimant: Claimant, number: str) -> None:
        await for_cases.release_for(self.desk, tx, actor, claimant, number)

    async def release_all_in(self, tx: Transaction, actor: Actor, case_number: str) -> None:
        """The case came to nothing."""
        await for_cases.release_all(self.desk, tx, actor, case_number)

    def offers(self) -> Mapping[str, Offer]:
        """What Python of plugins may call."""
        return offers(self.desk)
