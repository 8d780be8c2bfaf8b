"""Bad connectors and steps that call them, and every problem the check must find."""

from __future__ import annotations

from collections.abc import Mapping

from tests.manifest.changes import Case
from tests.manifest.flows import FLOWS, INDICATORS
from tests.manifest.folders import Files

CONNECTORS, SENT = "grid/connectors.yaml", "grid/workflows/sent.yaml"

WITH_CONNECTORS: Mapping[str, str] = {
    **{name: text for name, text in FLOWS.items() if name != INDICATORS},
    CONNECTORS: """\
connectors:
  post:
    title: 寄递
    system: 邮政
    level_max: L3
    signature: hmac-sha256
    operations:
      order:
        title: 下单
        direction: out
        number: no
        on_failure: unit_head
        timeout_s: 5
        tries: 3
        request: {type: object, required: [words], properties: {words: {type: string}, cost: {}}}
        response:
          type: object
          required: [no]
          properties: {no: {type: string, pattern: '^B'}}
        examples: [{request: {words: a}, response: {no: B1}}]
      report:
        title: 来单
        direction: in
        number: no
        request:
          type: object
          required: [no, kind, at]
          properties: {no: {type: string}, kind: {enum: [light, heavy]}, at: {type: object}, days: {type: integer}}
        open: {by: kind, services: {light: clean, heavy: grid.clean}, values: {level: kind}, channel: system}
      done:
        title: 来报
        direction: in
        number: id
        request: {type: object, required: [id, no], properties: {id: {type: string}, no: {type: string}}}
        act: {of: report, number: no, action: clean, values: {about: no}}
""",
    SENT: """\
workflow: sent
version: 1
title: 寄送
entity: repair_order
start: open
states:
  open: {title: 待办, roles: [property_staff]}
  sending: {title: 寄送中, assign: applicant}
  closed: {title: 办结, end: done}
actions:
  send:
    title: 寄出
    from: [open]
    to: sending
    roles: [assignee]
    effects:
      - call:
          connector: post
          operation: order
          values: {words: words, cost: cost}
          answer: {words: no}
          on_answer: arrive
          on_failure: again
          events: {lost: again}
  arrive: {title: 寄到, from: [sending], to: closed, roles: [system]}
  again: {title: 重寄, from: [sending], to: open, roles: [system]}
""",
    "grid/workflows/cleaning.yaml": FLOWS["grid/workflows/cleaning.yaml"].replace(
        "to: done, roles: [assignee]}", "to: done, roles: [assignee, system]}"
    ),
    "grid/i18n/en.yaml": "connectors.post.title: Post\nconnectors.post.operations.order: Order\n",
}


def link(name: str, old: str, new: str) -> Files:
    text = WITH_CONNECTORS[name]
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    return {**WITH_CONNECTORS, name: text.replace(old, new)}


CASES: list[Case] = [
    ("good connectors", {**WITH_CONNECTORS}, []),
    (
        "a connector with a name that is taken",
        {**WITH_CONNECTORS, "grid/connectors/more.yaml": WITH_CONNECTORS[CONNECTORS].split("      report:")[0]},
        ["grid/connectors/more.yaml:2:3 connector.duplicate"],
    ),
    (
        "an outgoing operation that opens and answers nothing",
        link(
            CONNECTORS, "        direction: out\n", "        direction: out\n        act: {of: order, number: words}\n"
        ),
        ["grid/connectors.yaml:11:9 connector.shape"],
    ),
    (
        "an incoming message that does nothing",
        link(CONNECTORS, "        act: {of: report, number: no, action: clean, values: {about: no}}\n", ""),
        ["grid/connectors.yaml:31:9 connector.shape"],
    ),
    (
        "a message that opens two things, by nothing",
        link(CONNECTORS, "open: {by: kind, ", "open: {service: clean, "),
        ["grid/connectors.yaml:29:15 connector.shape", "grid/connectors.yaml:29:15 connector.shape"],
    ),
    (
        "a request that is no object",
        link(CONNECTORS, "request: {type: object, required: [words]", "request: {type: array, required: [words]"),
        ["grid/connectors.yaml:15:18 connector.schema"],
    ),
    (
        "a pattern that explodes",
        link(CONNECTORS, "pattern: '^B'", "pattern: '^(B+)+$'"),
        ["grid/connectors.yaml:17:11 connector.schema"],
    ),
    (
        "a schema that is none",
        link(CONNECTORS, "days: {type: integer}", "days: {type: intger}"),
        ["grid/connectors.yaml:26:11 connector.schema"],
    ),
    (
        "a number that need not be there",
        link(CONNECTORS, "required: [id, no]", "required: [no]"),
        ["grid/connectors.yaml:33:17 connector.number"],
    ),
    (
        "a number that is none",
        link(CONNECTORS, "act: {of: report, number: no", "act: {of: report, number: nr"),
        ["grid/connectors.yaml:35:35 connector.number"],
    ),
    (
        "an example that does not fit",
        link(CONNECTORS, "response: {no: B1}", "response: {no: A1}"),
        ["grid/connectors.yaml:20:20 connector.example"],
    ),
    (
        "somebody who works nowhere is told",
        link(CONNECTORS, "on_failure: unit_head", "on_failure: resident"),
        ["grid/connectors.yaml:12:21 role.not-staff"],
    ),
    (
        "an item there is not",
        link(CONNECTORS, "heavy: grid.clean", "heavy: grid.claen"),
        ["grid/connectors.yaml:21:7 connector.service"],
    ),
    (
        "values that do not fit",
        link(CONNECTORS, "values: {level: kind}", "values: {level: days, about: at, levle: kind}"),
        ["grid/connectors.yaml:21:7 connector.value"] * 3,
    ),
    (
        "a value of what is not sent",
        link(CONNECTORS, "values: {level: kind}", "values: {level: knd, about: me.id}"),
        ["grid/connectors.yaml:29:87 expr.invalid", "grid/connectors.yaml:29:99 expr.caller"],
    ),
    (
        "a message about nothing",
        link(CONNECTORS, "act: {of: report", "act: {of: done"),
        ["grid/connectors.yaml:30:7 connector.action"],
    ),
    (
        "a message that says what another workflow does",
        link(CONNECTORS, "act: {of: report", "act: {of: order"),
        ["grid/connectors.yaml:30:7 connector.action"],
    ),
    (
        "an action the engine may not take",
        link("grid/workflows/cleaning.yaml", "roles: [assignee, system]", "roles: [assignee]"),
        ["grid/connectors.yaml:30:7 connector.action"],
    ),
    (
        "a call of nothing",
        link(SENT, "connector: post", "connector: pots"),
        ["grid/workflows/sent.yaml:18:22 workflow.call-unknown"],
    ),
    (
        "a call of what comes in",
        link(SENT, "operation: order", "operation: report"),
        ["grid/workflows/sent.yaml:19:22 workflow.call-unknown"],
    ),
    (
        "a call that says too little, and what nobody asked",
        link(SENT, "values: {words: words, cost: cost}", "values: {wrods: words, cost: cost}"),
        ["grid/workflows/sent.yaml:18:11 workflow.call-value", "grid/workflows/sent.yaml:20:27 workflow.call-value"],
    ),
    (
        "a call with another type",
        link(SENT, "{words: words, cost", "{words: cost, cost"),
        ["grid/workflows/sent.yaml:20:27 workflow.call-value"],
    ),
    (
        "a call with a word that is not among the values",
        {
            **link(CONNECTORS, "{words: {type: string}, cost: {}}", "{words: {type: string, enum: [a, b]}, cost: {}}"),
            SENT: link(SENT, "{words: words, cost", """{words: "'c'", cost""")[SENT],
        },
        ["grid/workflows/sent.yaml:20:27 workflow.call-value"],
    ),
    (
        "a call that tells too much",
        link(CONNECTORS, "level_max: L3", "level_max: L2"),
        ["grid/workflows/sent.yaml:20:27 workflow.call-level"],
    ),
    (
        "an answer that goes nowhere",
        link(SENT, "answer: {words: no}", "answer: {words: nr, worsd: no, cost: no}"),
        [
            "grid/workflows/sent.yaml:21:27 workflow.call-answer",
            "grid/workflows/sent.yaml:21:38 workflow.call-answer",
            "grid/workflows/sent.yaml:21:48 workflow.call-answer",
        ],
    ),
    (
        "a follow-up that is none",
        link(SENT, "events: {lost: again}", "events: {lost: agian}"),
        ["grid/workflows/sent.yaml:24:26 workflow.call-action"],
    ),
    (
        "connectors that cannot be read",
        {**WITH_CONNECTORS, CONNECTORS: "connectors: 5\n", "grid/i18n/en.yaml": "title: Grid\n"},
        ["grid/connectors.yaml:1:13 manifest.wrong-type"],
    ),
]
