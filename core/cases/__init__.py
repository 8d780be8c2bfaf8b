"""The engine that carries what people file from its first state to its end."""

from core.cases.cases import Cases
from core.cases.rows import Case, Task

__all__ = ["Case", "Cases", "Task"]
