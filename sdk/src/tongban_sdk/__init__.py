"""Everything a plugin of Tongban may import. What is not in `__all__` is private."""

from tongban_sdk.actor import ANONYMOUS, Actor
from tongban_sdk.changes import Change, ChangeAction
from tongban_sdk.errors import (
    ConflictError,
    HostError,
    InputProblem,
    InvalidInputError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)
from tongban_sdk.hookspecs import hookimpl
from tongban_sdk.host_api import GraphqlTypes, HostApi, JobContext, JobHandler, Row, host_of
from tongban_sdk.problems import Place, Problem

__all__ = [
    "ANONYMOUS",
    "Actor",
    "Change",
    "ChangeAction",
    "ConflictError",
    "GraphqlTypes",
    "HostApi",
    "HostError",
    "InputProblem",
    "InvalidInputError",
    "JobContext",
    "JobHandler",
    "NotAuthenticatedError",
    "NotFoundError",
    "PermissionDeniedError",
    "Place",
    "Problem",
    "RateLimitedError",
    "RequestError",
    "Row",
    "UnavailableError",
    "hookimpl",
    "host_of",
]
