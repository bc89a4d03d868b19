"""What a verification of the books found."""

from dataclasses import dataclass, field

from spot.books.record import Head


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something that is not as the books say."""

    number: int
    """Record that it contradicts, or after which it was put."""
    what: str
    """In words: the place, and what was done to it."""


@dataclass(slots=True, kw_only=True)
class Found:
    """What one part of a verification found."""

    findings: list[Finding] = field(default_factory=list)
    unproved: list[str] = field(default_factory=list)
    """Stops without a record: pressed and killed on the way, or written by somebody else."""
    waiting: list[str] = field(default_factory=list)
    """The desk's own actions whose record is still to be written."""

    def add(self, number: int, what: str) -> None:
        """One finding more."""
        self.findings.append(Finding(number, what))

    def take(self, other: "Found") -> None:
        """Add what another part found."""
        self.findings += other.findings
        self.unproved += other.unproved
        self.waiting += other.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the books verify: nothing was changed, in the order of the records."""

    findings: tuple[Finding, ...]
    unproved: tuple[str, ...]
    waiting: tuple[str, ...]
    n_records: int
    n_late: int
    """Records that a later command wrote."""
    head: Head | None
    """The newest record."""
    pinned: int
    """Number of the record that the given head pins; -1 where none was given."""
    public_key: str
    """The key that signs now; empty where none does."""

    @property
    def is_sound(self) -> bool:
        """Nothing was found."""
        return not (self.findings or self.unproved)

    @property
    def first(self) -> str:
        """The first thing that is not as the books say; empty where everything is."""
        if self.findings:
            return f"record {self.findings[0].number}: {self.findings[0].what}"
        return self.unproved[0] if self.unproved else ""
