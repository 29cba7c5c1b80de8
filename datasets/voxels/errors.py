"""What can go wrong between a request for voxels and the voxels; each text is meant for people."""


class VoxelsError(Exception):
    """Any reason why voxels can't be had."""


class VoxelsMissing(VoxelsError):
    """The mag, or the file that describes it, is not there. `file` is relative to the mag."""

    def __init__(self, file: str, data_format: str) -> None:
        self.file = file
        super().__init__(
            f"The mag has no {file}, which every {data_format} mag needs: "
            "check the mag's path and data format."
        )


class VoxelsBroken(VoxelsError):
    """A file contradicts itself or can't be decoded. `file` is relative to the mag."""

    def __init__(self, file: str, cause: str) -> None:
        self.file = file
        self.cause = cause
        super().__init__(f"The mag's file {file} can't be used: {cause}.")


class BoxTooLarge(VoxelsError):
    """More was asked for at once than one read may give."""
