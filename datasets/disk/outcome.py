"""What a scan found: counts and lists that the person who asked, and admins, get to read."""

from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple


class Finding(NamedTuple):
    """A dataset that a scan has something to say of; `text` is a sentence, or empty. `is_new` for
    one that the scan took in.
    """

    dataset_id: str
    name: str
    text: str = ""
    is_new: bool = False


@dataclass
class Outcome:
    """What one scan found. A dataset that is as it was is only counted in `seen`.

    `broken` and `missing` hold only what the scan before did not find broken or missing. `notes`
    are about what does not stop a dataset from being used; `problems` about what is no dataset.
    """

    seen: int = 0
    added: list[Finding] = field(default_factory=list)
    changed: list[Finding] = field(default_factory=list)
    recovered: list[Finding] = field(default_factory=list)
    pending: list[Finding] = field(default_factory=list)
    not_imported: list[Finding] = field(default_factory=list)
    broken: list[Finding] = field(default_factory=list)
    missing: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def is_eventful(self) -> bool:
        """Whether anything was found that the scan before had not found."""
        return any(getattr(self, name) for name in self._lists() if name != "problems")

    @property
    def has_trouble(self) -> bool:
        """Whether something needs a person."""
        return bool(self.broken or self.missing or self.problems)

    def as_json(self) -> dict[str, Any]:
        """Everything, as JSON-able data."""
        lists = {
            name: [
                entry._asdict() if isinstance(entry, Finding) else entry
                for entry in getattr(self, name)
            ]
            for name in self._lists()
        }
        return {"seen": self.seen, **lists}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Outcome":
        """What `as_json` gave."""
        outcome = cls(seen=document["seen"], problems=list(document["problems"]))
        for name in cls._lists():
            if name != "problems":
                setattr(outcome, name, [Finding(**entry) for entry in document[name]])
        return outcome

    @classmethod
    def _lists(cls) -> list[str]:
        return [entry.name for entry in fields(cls) if entry.name != "seen"]
