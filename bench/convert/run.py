"""How fast stacks of slices become datasets, against the public library on the same machine.

    .venv/bin/python bench/convert/run.py --data FOLDER [--slices 512] [--rounds 3] [--stack em]

Every round converts each stack once in each way, one after the other: with this project's command
in its three profiles, with `webknossos convert` as a user types it, and with that library's Python
API at its best. Prints seconds, processor seconds, memory and sizes; the ratios are medians over
the rounds. The first round checks that all ways made the same voxels in every mag. Then the
floors: decoding only, compressing only, writing only. FOLDER keeps the stacks for the next run;
512 slices need about 20 GiB there.
"""

import argparse
import os
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.convert import floors
from bench.convert.compare import check_equal, size
from bench.convert.measure import Cost, measured
from bench.convert.stacks import Stack, made, stacks

LIBRARY = ROOT / ".venv-client/bin"
COMMAND = "webknossos convert"
AT_BEST = "its API at its best"
PEERS = (COMMAND, AT_BEST)
PROFILES = ("small", "tuned", "fast")


@dataclass
class Way:
    """One way to convert a stack; `command` is given the source and the target."""

    name: str
    command: Callable[[Path, Path], list[str | Path]]
    costs: list[Cost] = field(default_factory=list)
    size: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="where stacks and datasets lie")
    parser.add_argument("--slices", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stack", action="append", help="only this one; may be given again")
    options = parser.parse_args()
    if not (LIBRARY / "webknossos").exists():
        sys.exit("This benchmark needs the public library: make .venv-client/stamp")
    for stack in stacks(options.slices):
        if options.stack and stack.name not in options.stack:
            continue
        source = made(stack, options.data)
        ways = ways_of(stack)
        print(f"\n{title(stack)}", flush=True)
        for number in range(options.rounds):
            convert_all(stack, source, ways, options.data / "out", is_first=number == 0)
        report(ways)
        floors.report(stack, source, options.data / "out")


def title(stack: Stack) -> str:
    return (
        f"{stack.name}: {stack.slices} slices of {stack.side} x {stack.side}, {stack.dtype}, "
        f"{stack.compression or 'uncompressed'}, {stack.voxel_bytes / (1 << 20):,.0f} MiB"
    )


def ways_of(stack: Stack) -> list[Way]:
    """Ours and the peers', at one format, chunk and codec, and the same mags."""
    typed = ["--voxel-size", stack.voxel_size, "--layer-name", "stack"]
    typed += ["--category", stack.category]
    python = Path(sys.executable)

    def ours(profile: str) -> Callable[[Path, Path], list[str | Path]]:
        chosen = [*typed, "--profile", profile]
        return lambda source, target: [
            python, ROOT / "manage.py", "convert", *chosen, source, target,
        ]  # fmt: skip

    return [
        *(Way(f"ours, {profile}", ours(profile)) for profile in PROFILES),
        Way(
            COMMAND,
            lambda source, target: [LIBRARY / "webknossos", "convert", *typed, source, target],
        ),
        Way(
            AT_BEST,
            lambda source, target: [
                LIBRARY / "python", Path(__file__).with_name("library_at_best.py"),
                source, target, stack.category, stack.voxel_size,
            ],
        ),
    ]  # fmt: skip


def convert_all(
    stack: Stack, source: Path, ways: list[Way], folder: Path, *, is_first: bool
) -> None:
    """Convert the stack in all ways; where it is the first time, hold the outputs together."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = dict(os.environ, DATA_DIR=str(folder / "unused"))
    reference = folder / ways[0].name / "stack"
    for way in ways:
        target = folder / way.name
        way.costs.append(measured(way.command(source, target), folder / "log", environment))
        way.size = size(target / "stack")
        if is_first and way is not ways[0]:
            check_equal(reference, target / "stack")
        if way is not ways[0]:
            shutil.rmtree(target)
        print(f"  {way.name}: {way.costs[-1].wall:.1f} s", flush=True)
    shutil.rmtree(folder)


def report(ways: list[Way]) -> None:
    """The table; ratios are of what was run in the same round."""
    by_name = {way.name: way for way in ways}
    print(f"{'':22}{'wall':>8}{'CPU':>8}{'peak':>10}{'largest':>10}{'size':>10}", end="")
    print("".join(f"{'to ' + peer:>40}" for peer in PEERS))
    for way in ways:
        wall, cpu = (
            statistics.median(getattr(cost, kind) for cost in way.costs) for kind in ("wall", "cpu")
        )
        peak, largest = (
            max(getattr(cost, kind) for cost in way.costs) for kind in ("peak", "largest")
        )
        print(f"{way.name:22}{wall:>6.1f} s{cpu:>6.1f} s{mebibytes(peak):>10}", end="")
        print(f"{mebibytes(largest):>10}{mebibytes(way.size):>10}", end="")
        print("".join(f"{against(way, by_name[peer]):>40}" for peer in PEERS))


def against(way: Way, peer: Way) -> str:
    """How many times faster, with how much processor time and memory, and how large."""
    pairs = list(zip(way.costs, peer.costs, strict=True))
    faster = statistics.median(theirs.wall / ours.wall for ours, theirs in pairs)
    less = statistics.median(theirs.cpu / ours.cpu for ours, theirs in pairs)
    memory = statistics.median(ours.peak / theirs.peak for ours, theirs in pairs)
    return f"{faster:.1f}x CPU {less:.1f}x mem {memory:.2f} size {way.size / peer.size:.3f}"


def mebibytes(count: int) -> str:
    return f"{count / (1 << 20):,.0f} MiB"


if __name__ == "__main__":
    main()
