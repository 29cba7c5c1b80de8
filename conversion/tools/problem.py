"""Why a tool can't do what it was asked to, for a person to read."""


class ToolProblem(Exception):
    """What is the matter with which thing, and what to do about it; both are sentences."""

    def __init__(self, cause: str, advice: str = "") -> None:
        super().__init__(f"{cause} {advice}".rstrip())
        self.cause = cause
        self.advice = advice
