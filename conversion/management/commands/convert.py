"""`manage.py convert`: a dataset of any image file, folder, archive or dataset."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversion.management import source_options, tool_options
from conversion.management.file_command import FileCommand, sentence
from conversion.management.opened_source import checked_source, is_archive, unpacked
from conversion.management.shown import finding_lines, plan_lines
from conversion.management.terminal import ProgressBar
from conversion.pipeline.options import Options
from conversion.pipeline.plan import Plan
from conversion.pipeline.planning import Finding, UnknownVoxelSize, find, planned
from conversion.pipeline.work_directory import WorkDirectory
from conversion.readers import UnreadableImage
from conversion.readers.sandbox import Sandbox, SandboxLimits
from datasets.properties import FILE_NAME, VoxelSize

_CUBES = VoxelSize(factor=(1, 1, 1))
"""What a dry run plans mags for where the voxel size is not known."""


class Command(FileCommand):
    """Writes beside TARGET and gives the dataset its name when it is whole.

    Started again with the same arguments, also in a second terminal meanwhile, it goes on with what
    is not done yet.
    """

    help = __doc__
    _kept: tuple[Path, ...] = ()
    """What stays, where it exists, when a conversion stops before its end."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Named as in `webknossos convert` where that has them."""
        parser.add_argument("source", type=Path, metavar="SOURCE", help="file, folder or archive")
        parser.add_argument("target", type=Path, metavar="TARGET", help="the dataset's new folder")
        parser.add_argument(
            "--dry-run", action="store_true", help="only tell what was found and would be written"
        )
        parser.add_argument(
            "--overwrite-existing",
            action="store_true",
            help="replace the dataset in TARGET, once the new one is whole",
        )
        tool_options.add_jobs(parser)
        source_options.add_output_to(parser)
        source_options.add_to(parser)

    def run(self, options: dict[str, Any]) -> None:
        """Find, plan, and unless it is a dry run, convert."""
        source = checked_source(options["source"])
        target: Path = options["target"].absolute()
        if not options["dry_run"]:
            _check_target(target, source, may_replace=options["overwrite_existing"])
        scratch = target.with_name(f".{target.name}.unpacked")
        self._kept = (WorkDirectory(target).path, scratch)
        limits = SandboxLimits(threads=options["jobs"])
        with (
            Sandbox(limits) as sandbox,
            ProgressBar(sys.stderr) as bar,
            _opened(source, None if options["dry_run"] else scratch, bar) as path,
        ):
            chosen = source_options.parsed(options, path)
            if options["dry_run"]:
                self._tell(find(path, chosen, sandbox), source, chosen)
                return
            # The kernels take long to load: they do so while the sandbox starts, and not where
            # nothing is converted.
            from conversion.pipeline import convert as converting

            plan = planned(find(path, chosen, sandbox), chosen)
            self.say(plan_lines(plan))
            self._convert(converting, plan, target, options, bar)
        self.say([f"Done: {target}"])

    def interrupted(self) -> str:
        """How to go on."""
        return f"Interrupted. {self._way_on()}".rstrip()

    def _way_on(self) -> str:
        kept = [str(path) for path in self._kept if path.exists()]
        if not kept:
            return ""
        return (
            f"What is done is kept in {' and '.join(kept)}. Run the same command again to go on, "
            "or remove that."
        )

    def _tell(self, finding: Finding, source: Path, chosen: Options) -> None:
        """What was found and would be written, also where only the voxel size is missing."""
        self.say(finding_lines(finding, source))
        try:
            plan = planned(finding, chosen)
        except UnknownVoxelSize:
            plan = planned(finding, replace(chosen, voxel_size=_CUBES))
            self.say(plan_lines(plan, told=finding.notes, is_size_known=False))
            raise
        self.say(plan_lines(plan, told=finding.notes))

    def _convert(
        self,
        converting: ModuleType,
        plan: Plan,
        target: Path,
        options: dict[str, Any],
        bar: ProgressBar,
    ) -> None:
        try:
            converting.convert(
                plan,
                target,
                threads=options["jobs"],
                report=lambda at: bar.show(at.stage, at.done_bytes, at.total_bytes),
                overwrite=target.exists(),  # which was checked before
            )
        except converting.TargetProblem as error:
            raise CommandError(str(error)) from error
        except UnreadableImage:
            converting.discard(target)  # nobody could go on with it
            raise
        except OSError as error:
            raise CommandError(f"{sentence(error)} {self._way_on()}".rstrip()) from error


@contextlib.contextmanager
def _opened(source: Path, scratch: Path | None, bar: ProgressBar) -> Iterator[Path]:
    """The source, or what it holds as an archive, which is removed at the end.

    Unpacked in `scratch`, it stays there after an error or Ctrl-C, to be gone on with.
    """
    if not is_archive(source):
        yield source
    elif scratch is not None:
        yield unpacked(source, scratch, bar)
        shutil.rmtree(scratch, ignore_errors=True)
    else:
        with tempfile.TemporaryDirectory(prefix="convert-") as temporary:
            yield unpacked(source, Path(temporary), bar)


def _check_target(target: Path, source: Path, *, may_replace: bool) -> None:
    """Refuse a target that would harm something. Raises CommandError."""
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise CommandError(f"{target} and {source} lie in each other. Choose another target.")
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not may_replace:
        raise CommandError(
            f"There is something at {target} already. Choose another target, or replace the "
            "dataset there with --overwrite-existing."
        )
    if not (target / FILE_NAME).is_file():
        raise CommandError(
            f"{target} is no dataset (it has no {FILE_NAME}), so it is not replaced. Choose "
            "another target, or remove it yourself."
        )
