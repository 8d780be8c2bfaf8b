"""Documents: which may run at all (trusted ones), and how a text becomes something ready to run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql.validation.specified_rules import recommended_rules

from core.api.errors import ERRORS_MAX, Refusal, refuse, request_entries
from core.api.guard import (
    LIMITS,
    Admitted,
    Limits,
    check_cost,
    check_document,
    check_fragments,
    check_nesting,
    check_structure,
)
from core.settings import Profile

RULES = (*specified_rules, *(rule for rule in recommended_rules if rule not in specified_rules))
READY_MAX = 512
#: The one document that says nothing about anybody, in the spellings clients use to ask "are you GraphQL?".
LIVENESS = ("{__typename}", "{ __typename }", "query{__typename}", "query { __typename }")


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class TrustedDocuments:
    """Texts that may run in production, by their sha256: the files of `graphql/operations/` and LIVENESS."""

    def __init__(self, texts: tuple[str, ...] = LIVENESS) -> None:
        self._texts = {hash_of(text): text for text in texts}

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> str:
        """Trust a text as it is sent, without white space around it, and as `sha256sum` sees its file."""
        sent = text.strip()
        self._texts[hash_of(text)] = self._texts[hash_of(sent)] = sent
        return hash_of(sent)

    def add_folder(self, folder: Path) -> dict[str, str]:
        """Trust every *.graphql file of a folder; file name → hash."""
        return {file.name: self.add(file.read_text("utf-8")) for file in sorted(folder.glob("*.graphql"))}

    def find(self, digest: str) -> str | None:
        return self._texts.get(digest.lower())

    def check(self, schema: GraphQLSchema) -> dict[str, list[str]]:
        """Hashes whose document does not fit a schema, with reasons: a plugin is off, or a file is out of date."""
        found = {text: _faults(schema, text) for text in set(self._texts.values())}
        return {digest: found[text] for digest, text in self._texts.items() if found[text]}


def _faults(schema: GraphQLSchema, text: str) -> list[str]:
    try:
        return [error.message for error in validate(schema, parse(text), RULES, max_errors=ERRORS_MAX)]
    except GraphQLSyntaxError as error:
        return [error.message]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a checked document, ready to run."""

    document: DocumentNode
    node: OperationDefinitionNode
    name: str | None
    type: OperationType
    #: None: its cost depends on variables in a way that must be measured each time.
    admitted: Admitted | None


@dataclass(frozen=True, slots=True)
class Ready:
    """A parsed, guarded and validated text."""

    operations: Mapping[str | None, Operation]

    def pick(self, name: str | None) -> Operation:
        """The operation to run: the named one, or the only one."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        found = self.operations.get(name) if name is not None else None
        if found is None:
            raise refuse("OPERATION_NOT_FOUND", "operationName 没有指明文档中的一个操作")
        return found


class Documents:
    """The documents of one generation: profile, trust, guard, validation, and a bounded memory of what passed."""

    def __init__(
        self, schema: GraphQLSchema, trusted: TrustedDocuments, profile: Profile, limits: Limits = LIMITS
    ) -> None:
        self.schema, self.trusted, self.profile, self.limits = schema, trusted, profile, limits
        self._ready: dict[str, Ready] = {}

    def operation(
        self, text: str | None, digest: str | None, name: str | None, variables: Mapping[str, Any]
    ) -> Operation:
        """The operation a request asks for, within all limits, or a Refusal."""
        ready = self._ready.get(text) if text is not None and digest is None else None
        operation = (ready or self._find(text, digest)).pick(name)
        if variables:
            check_nesting(variables)
        if operation.admitted is None or not operation.admitted.covers(variables):
            check_cost(self.schema, operation.document, operation.node, variables, self.limits)
        return operation

    def _find(self, text: str | None, digest: str | None) -> Ready:
        """Only trusted texts are remembered in production, so whatever is remembered may run."""
        known = self.trusted.find(digest) if digest is not None else None
        if digest is not None and text is not None and hash_of(text) != digest.lower():
            raise refuse("BAD_REQUEST", "sha256Hash 与 query 不符")
        chosen = known or text
        if chosen is not None and self.profile == "prod" and known is None:
            chosen = self.trusted.find(hash_of(chosen.strip()))
        if chosen is None:
            # One answer for unknown, malformed and forbidden alike: production tells nothing about the schema.
            raise refuse("DOCUMENT_NOT_TRUSTED", "不接受这个文档", hint="生产环境只执行登记过的文档")
        return self._ready.get(chosen) or self._remember(chosen)

    def _remember(self, text: str) -> Ready:
        ready = self._prepare(text)
        if len(self._ready) >= READY_MAX:
            self._ready.pop(next(iter(self._ready)))
        self._ready[text] = ready
        return ready

    def _prepare(self, text: str) -> Ready:
        document = self._parse(text)
        check_document(document, self.limits)
        check_fragments(document)
        nodes = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
        admitted = [check_structure(self.schema, document, node, self.limits) for node in nodes]
        # Looking for similar names among thousands of types holds up everybody for 100 ms and more.
        if errors := validate(self.schema, document, RULES, max_errors=ERRORS_MAX, hide_suggestions=True):
            raise Refusal(request_entries("GRAPHQL_VALIDATION", "文档不合规", errors))
        made = (
            Operation(document, node, node.name.value if node.name else None, node.operation, admission)
            for node, admission in zip(nodes, admitted, strict=True)
        )
        return Ready({operation.name: operation for operation in made})

    def _parse(self, text: str) -> DocumentNode:
        if len(text) > self.limits.text_chars:
            raise refuse("QUERY_TOO_LONG", f"文档过长：{len(text)} 个字符，上限 {self.limits.text_chars}")
        try:
            return parse(text, max_lexical_tokens=self.limits.tokens, max_comments=self.limits.tokens)
        except GraphQLSyntaxError as error:
            if "Document contains more than" in error.message:
                raise refuse("QUERY_TOO_MANY_TOKENS", f"文档的词数过多，上限 {self.limits.tokens}") from None
            if "nested too deeply" in error.message:
                raise refuse("QUERY_TOO_DEEP", "嵌套层数过多") from None
            raise Refusal(request_entries("GRAPHQL_SYNTAX", "语法错误", [error])) from None
