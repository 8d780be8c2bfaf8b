"""Everything a plugin of Tongban may import. What is not in `__all__` is private."""

from tongban_sdk.actor import ANONYMOUS, Actor
from tongban_sdk.changes import Change, ChangeAction
from tongban_sdk.errors import (
    AuditUnavailableError,
    ConflictError,
    ConsentRequiredError,
    HostError,
    InputProblem,
    InvalidInputError,
    LoginFailedError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RealNameRequiredError,
    RequestError,
    TooLargeError,
    UnavailableError,
    UnreadableError,
)
from tongban_sdk.hookspecs import hookimpl
from tongban_sdk.host_api import GraphqlTypes, HostApi, JobContext, JobHandler, Row, host_of
from tongban_sdk.problems import Place, Problem

__all__ = [
    "ANONYMOUS",
    "Actor",
    "AuditUnavailableError",
    "Change",
    "ChangeAction",
    "ConflictError",
    "ConsentRequiredError",
    "GraphqlTypes",
    "HostApi",
    "HostError",
    "InputProblem",
    "InvalidInputError",
    "JobContext",
    "JobHandler",
    "LoginFailedError",
    "NotAuthenticatedError",
    "NotFoundError",
    "PermissionDeniedError",
    "Place",
    "Problem",
    "RateLimitedError",
    "RealNameRequiredError",
    "RequestError",
    "Row",
    "TooLargeError",
    "UnavailableError",
    "UnreadableError",
    "hookimpl",
    "host_of",
]
