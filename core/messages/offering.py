"""What Python of plugins may call: tell a person the words of one of its own templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, NotFoundError, PermissionDeniedError

from core.access.service import service_actor
from core.crypto import Vault
from core.manifest.model import World
from core.manifest.outputs import MessageTemplate
from core.manifest.placeholders import placeholders
from core.messages.messages import Messages
from core.messages.rows import Recipient
from core.store.engine import IDEMPOTENCY
from core.store.errors import UniqueError
from core.store.ids import uuid7
from core.write.offers import Offer
from core.write.once import Once

_SEND = {
    "type": "object", "required": ["template", "person", "key"], "additionalProperties": False,
    "properties": {
        "template": {"type": "string", "maxLength": 100}, "person": {"type": "string", "format": "uuid"},
        "key": {"type": "string", "minLength": 1, "maxLength": 200},
    },
}  # fmt: skip


def offers(messages: Messages, vault: Vault, world: Callable[[], World]) -> dict[str, Offer]:
    """Once per key: a job that runs again tells nobody twice."""

    async def send(actor: Actor, args: Mapping[str, Any]) -> Mapping[str, Any]:
        template = _own_template(world(), actor, args["template"])
        once = Once(messages.database, vault, actor, args["key"], ["messages.send", template.key, args["person"]])
        if await once.made() is not None:
            return {"sent": False}
        try:
            async with messages.database.transaction() as tx:
                await tx.insert([once.row(uuid7(), messages.delivering.clock())])
                await messages.send_in(tx, template, [Recipient(person=args["person"])], {}, None)
        except UniqueError as error:
            if error.table == IDEMPOTENCY.name and await once.made() is not None:
                return {"sent": False}
            raise
        return {"sent": True}

    about = "把本应用一个消息模板的话告诉一个人，返回 {sent}；同一个 key 只发一次"
    return {"messages.send": Offer(about, _SEND, send)}


def _own_template(world: World, actor: Actor, key: str) -> MessageTemplate:
    plugin_id, _, id = key.partition(".")
    if actor.id != service_actor(plugin_id).id:
        raise PermissionDeniedError("只有应用自己的后台代码能发它的消息")
    plugin = world.plugins.get(plugin_id)
    template = plugin.messages.get(id) if plugin else None
    if template is None:
        raise NotFoundError(f"没有消息模板 {key}", hint="在应用的 messages.yaml 里写上它")
    if named := placeholders(template.text):
        # They are facts of a case, and nothing that anybody wrote gets into a message.
        raise ConflictError(f"模板 {key} 用到 {'、'.join(named)}，只有办件能发它", hint="另写一个没有占位符的模板")
    return template
