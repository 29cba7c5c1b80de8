"""What the owner of a conversion is told of problems that people meet at the command line, too."""

from pathlib import Path

import pytest

from conversion.pipeline.planning import PlanProblem
from conversion.readers.sandbox import ReaderKilled
from conversion.runner import JobFailed
from conversion.services.converting_plan import Places, explained
from datasets.properties import UnreadableProperties


@pytest.mark.parametrize("is_uploaded", [True, False])
def test_only_what_was_uploaded_has_to_be_uploaded_again(tmp_path: Path, is_uploaded: bool) -> None:
    places = Places(tmp_path, tmp_path / "target", is_uploaded=is_uploaded)
    with pytest.raises(JobFailed) as failed, explained(places):
        raise UnreadableProperties("datasource-properties.json", "There is no layer.")
    assert ("upload" in failed.value.advice) is is_uploaded
    assert ("retry" in failed.value.advice) is not is_uploaded


def test_a_killed_reader_is_tried_again_in_one_sentence(tmp_path: Path) -> None:
    places = Places(tmp_path, tmp_path / "target", is_uploaded=True)
    with pytest.raises(JobFailed) as failed, explained(places):
        raise ReaderKilled(tmp_path / "a.tif", "Decoding it was ended.", "Try again.")
    assert failed.value.is_temporary
    assert failed.value.cause == "'a.tif': Decoding it was ended."


def test_a_job_names_no_options_of_the_command_line(tmp_path: Path) -> None:
    places = Places(tmp_path, tmp_path / "target", is_uploaded=True)
    problem = PlanProblem("Layer 'ids' has float voxels.", "Use --category color.")
    with pytest.raises(JobFailed) as failed, explained(places):
        raise problem
    assert failed.value.cause == "Layer 'ids' has float voxels."
    assert "--" not in failed.value.advice
    assert "ask the operator" in failed.value.advice


@pytest.mark.parametrize(
    "error",
    [
        UnreadableProperties("cells-12ab/a\x1b.json", "It ends."),
        PlanProblem("There is no image in cells-12ab.", ""),
    ],
)
def test_an_uploads_folder_is_told_without_the_datasets_id(error: Exception) -> None:
    places = Places(Path("originals/cells-12ab"), Path("cells-12ab"), is_uploaded=True)
    with pytest.raises(JobFailed) as failed, explained(places):
        raise error
    assert "cells" in failed.value.cause and "12ab" not in failed.value.cause
    assert failed.value.cause.isprintable()
