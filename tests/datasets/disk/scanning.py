"""Scanning an organization and looking at what came of it, for the tests of scans."""

from typing import Any

from datasets.disk.outcome import Outcome
from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from sharing.models import Organization


def scan(lab: Organization) -> Outcome:
    return scan_organization(lab)


def get(name: str = "brain") -> Dataset:
    return Dataset.objects.get(directory_name=name)


def names(findings: list[Any]) -> list[str]:
    return [finding.name for finding in findings]
