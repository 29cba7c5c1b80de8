"""Sample datasets that look like real ones, made up from random numbers, the same every time."""

from conversion.samples.write import write_sample_datasets

__all__ = ["write_sample_datasets"]
