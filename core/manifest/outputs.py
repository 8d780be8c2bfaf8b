"""The typed model of what comes of cases: messages and documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tongban_sdk.problems import Place

from core.manifest.cases import Limit

#: Facts of a case that messages may name, all of at most L2; what people wrote (reasons, comments) is none of them.
MESSAGE_FACTS: Mapping[str, str] = {
    "case_no": "办件编号",
    "item": "事项名称",
    "state": "现在的状态，用群众看得懂的话",
    "action": "刚做的一步",
    "due": "办结期限",
    "unit": "承办单位",
}
#: What documents may name beside fields of their entity.
DOCUMENT_FACTS: Mapping[str, str] = {
    "case_no": "办件编号",
    "issued_on": "出具日期",
    "valid_to": "有效期至",
    "verify_code": "验证码",
    "unit": "出具单位",
}


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """Words sent to a person. Placeholders are those of MESSAGE_FACTS: {case_no} {item} …"""

    plugin_id: str
    id: str
    title: str
    text: str
    channels: tuple[Literal["inbox", "sms", "phone", "wechat"], ...]
    #: Somebody must have got it: the next channel follows when the one before stays silent for this long.
    must_reach_within: Limit | None
    #: To whom: applicant, reporters, assignee, or a role.
    to: str
    place: Place
    #: Sent by night as well.
    is_urgent: bool = False

    @property
    def key(self) -> str:
        return f"{self.plugin_id}.{self.id}"


@dataclass(frozen=True, slots=True)
class DocumentTemplate:
    """A certificate: title, paragraphs with {field} placeholders of the entity, issuing body, licence type."""

    plugin_id: str
    id: str
    title: str
    entity: str
    paragraphs: tuple[str, ...]
    place: Place
    #: File field of the entity that keeps the PDF; "" = only the wallet.
    file_field: str = ""
    #: Licence type issued to the wallet; "" = none.
    licence: str = ""
    valid_for: Limit | None = None

    @property
    def key(self) -> str:
        return f"{self.plugin_id}.{self.id}"
