"""Development: answers with the examples of the manifest; can be told to be slow, to fail, to talk nonsense."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.connectors.wire import Call, RefusedError
from core.identity.providers import ProviderError
from core.manifest.connectors import Connector

#: Answers of calls that were answered, so that the same key is answered alike; the oldest are forgotten.
KNOWN_MAX = 1000


@dataclass
class Simulator:
    """`data_dir/simulators/<connector>.json` tells it how to behave: {"slow_s": 3, "fails": true, "refuses": true,
    "nonsense": true}; read at each call."""

    connector: Connector
    data_dir: Path
    _answers: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    async def call(self, call: Call) -> Mapping[str, Any]:
        mood = await asyncio.to_thread(self._mood)
        await asyncio.sleep(float(mood.get("slow_s", 0)))
        if mood.get("fails"):
            raise ProviderError("told to fail")
        if mood.get("refuses"):
            raise RefusedError("told to refuse")
        if mood.get("nonsense"):
            return {"nonsense": True}
        return self._answers.setdefault(call.key, self._answer(call))

    def _mood(self) -> Mapping[str, Any]:
        try:
            found = json.loads((self.data_dir / "simulators" / f"{self.connector.key}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _answer(self, call: Call) -> Mapping[str, Any]:
        """Of the first example whose request the call holds; a number in it ends in the call's own."""
        if len(self._answers) >= KNOWN_MAX:
            self._answers.pop(next(iter(self._answers)))
        operation = self.connector.operations[call.operation]
        for example in operation.examples:
            if call.values.items() >= example.get("request", {}).items():
                answer = dict(example["response"])
                if operation.number in answer:
                    answer[operation.number] += call.key[-8:]
                return answer
        raise ProviderError(f"{self.connector.key}.{call.operation} has no example that fits")
