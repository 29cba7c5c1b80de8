"""What goes wrong in a way that a person should read; each error knows its HTTP status.

Services raise these; sharing.api.errors and the pages turn them into answers. The message says what
happened, to which thing, and what to do.
"""


class ServiceError(Exception):
    """An expected failure with a message for people."""

    status = 400

    def __init__(self, *messages: str) -> None:
        super().__init__(*messages)
        self.messages = messages

    def __str__(self) -> str:
        return " ".join(self.messages)


class Invalid(ServiceError):
    """The input can't be taken."""


class NotSignedIn(ServiceError):
    """Only a signed-in person may do this."""

    status = 401


class NotAllowed(ServiceError):
    """The actor may see the thing, but not do this to it."""

    status = 403


class NotFound(ServiceError):
    """The thing does not exist, or the actor must not learn that it does."""

    status = 404


class Conflict(ServiceError):
    """The thing is in a state that rules this out, or changed meanwhile."""

    status = 409
