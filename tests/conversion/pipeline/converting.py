"""A process of its own that converts voxels in memory, for tests that kill it.

Its arguments: the target, `convert` or `help`, a log of the slices that it read, and a gate: while
that file is there, reading beyond the first slices waits.
"""

import sys
import time
from pathlib import Path

from conversion.pipeline import convert as pipeline
from conversion.pipeline.plan import Plan
from tests.conversion.pipeline.making import TINY, MemorySource, plan_of, planned, random_voxels

SHAPE = (40, 300, 300)
"""In columns of 64 slices."""


def the_plan(log: Path, gate: Path | None = None) -> Plan:
    """The same in every process; each slab that is read makes a line in `log`."""

    def before_read(z: range) -> None:
        with log.open("a") as file:
            file.write(f"{z.start}\n")
        while gate is not None and gate.exists() and z.start >= 64:
            time.sleep(0.01)

    return plan_of(planned(MemorySource(random_voxels(SHAPE), before_read=before_read)))


def main() -> None:
    target, work, log, gate = sys.argv[1:]
    getattr(pipeline, work)(the_plan(Path(log), Path(gate)), Path(target), budget=TINY)


if __name__ == "__main__":
    main()
