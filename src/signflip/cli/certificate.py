"""What is certain of a network's accuracy, as far as answers have come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from signflip.many.record import Record
from signflip.result import Verdict


@dataclass(kw_only=True)
class Certificate:
    """Counts of images; it grows as answers come.

    Attributes:
        verdicts: verdict -> images that have it.
        right: verdict -> images that have it and are classified rightly.
    """

    verdicts: dict[Verdict, int] = field(default_factory=lambda: dict.fromkeys(Verdict, 0))
    right: dict[Verdict, int] = field(default_factory=lambda: dict.fromkeys(Verdict, 0))

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Certificate":
        """The certificate of these answers."""
        made = cls()
        for record in records:
            made.add(record)
        return made

    def add(self, record: Record) -> None:
        """Count one more; without an answer nothing is certain of it."""
        self.verdicts[record.verdict] += 1
        if record.prediction == record.label:
            self.right[record.verdict] += 1

    @property
    def images(self) -> int:
        """How many were counted."""
        return sum(self.verdicts.values())

    @property
    def accuracy(self) -> float:
        """Share classified rightly."""
        return sum(self.right.values()) / self.images

    @property
    def certain(self) -> tuple[float, float]:
        """Between which shares the images lie that are right and robust."""
        least, unknown = self.right[Verdict.ROBUST], self.right[Verdict.UNKNOWN]
        return least / self.images, (least + unknown) / self.images

    @property
    def bracket(self) -> str:
        """The same in words."""
        least, most = self.certain
        return f"{least:.2%}" if most == least else f"{least:.2%} to {most:.2%}"

    def as_dict(self, seconds: Sequence[float]) -> dict[str, object]:
        """What a summary file says, given the seconds that each image took."""
        least, most = self.certain
        return {
            "images": self.images,
            **{verdict.value: number for verdict, number in self.verdicts.items()},
            "accuracy": self.accuracy,
            "certified": least,
            "certified_at_most": most,
            "seconds": sum(seconds),
            "longest_seconds": max(seconds, default=0.0),
        }
