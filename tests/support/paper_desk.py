"""A desk of one simulated zone with a champion and three settled days, as `spotdesk run` makes it."""

import subprocess
import sys
from pathlib import Path

import yaml

from resources.home.make import make_home

DAYS = ("2024-03-01", "2024-03-02", "2024-03-03")


def make_paper_desk(folder: Path) -> None:
    """Make the desk; it takes half a minute."""
    zone = {"source": "simulated", "strategies": ["storage", "settlement_spread"], "training_days": 200}
    make_home(folder, settings={"zones.yaml": yaml.safe_dump({"zones": {"DE_LU": zone}})})
    words = ["--home", str(folder), "run", "--zone", "DE_LU", "--from", DAYS[0], "--to", DAYS[-1]]
    subprocess.run([sys.executable, "-m", "desk.main", *words], capture_output=True, check=True)
