"""What the owner of a conversion is told of problems that people meet at the command line, too."""

from pathlib import Path

import pytest

from conversion.pipeline.planning import PlanProblem
from conversion.runner import JobFailed
from conversion.services.converting_plan import Places, explained


def test_a_job_names_no_options_of_the_command_line(tmp_path: Path) -> None:
    places = Places(tmp_path, tmp_path / "target", is_uploaded=True)
    problem = PlanProblem("Layer 'ids' has float voxels.", "Use --category color.")
    with pytest.raises(JobFailed) as failed, explained(places):
        raise problem
    assert failed.value.cause == "Layer 'ids' has float voxels."
    assert "--" not in failed.value.advice
    assert "ask the operator" in failed.value.advice
