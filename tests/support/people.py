"""People who agree to the settings of a desk in a test."""

from pathlib import Path

from resources.settings.acceptance.in_force import Signature, accept, read_acceptance
from resources.wall_clock import utc_now


def accept_as_two_people(home: Path) -> None:
    """Let the settings in `conf` of the desk hold, those of a live zone too."""
    path = home / "conf" / "zones.yaml"
    if read_acceptance(home) is None:  # a desk begins on paper
        text = path.read_text()
        path.write_text(text.replace("live: true", "live: false"))
        accept(home, home / "conf", _signature("Ann"))
        path.write_text(text)
    for name in ("Ann", "Bob"):
        accept(home, home / "conf", _signature(name))


def _signature(name: str) -> Signature:
    return Signature(name=name, identity=f"user {name}", at_utc=utc_now().isoformat(), reason="agreed")
