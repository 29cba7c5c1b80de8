"""Why nothing can be planned."""


class PlanProblem(Exception):
    """A conversion that can't begin as it was asked for.

    `what` and `advice` are whole sentences for the person who asked for it.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what, advice)
        self.what = what
        self.advice = advice

    @property
    def names_options(self) -> bool:
        """Whether the advice is of use at the command line alone."""
        return "--" in self.advice

    def __str__(self) -> str:
        return f"{self.what} {self.advice}"


class UnknownVoxelSize(PlanProblem):
    """All that is missing is the size of a voxel."""
