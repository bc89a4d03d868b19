"""`python -m supply.site`: gather the pages, write the reference, build the site in dist/site.

Exit code 1: Zensical found a fault, such as a dead link. Exit code 2: it is not installed.
"""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from supply.site import commands, settings, tables
from supply.site.pages import ROOT, gather, sources_page

PAGES, SITE = ROOT / "dist" / "docs", ROOT / "dist" / "site"
REFERENCE = {
    "commands": commands.page,
    "settings": settings.page,
    "tables": tables.tables_page,
    "assets": tables.assets_page,
    "alerts": tables.alerts_page,
    "sources": sources_page,
}
"""Name of each page of the reference, and what writes it."""


def prepare(target: Path) -> list[str]:
    """Write all pages below `target`; returns their places."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    places = gather(target)
    folder = target / "reference"
    folder.mkdir()
    for name, write in REFERENCE.items():
        (folder / f"{name}.md").write_text(write(), encoding="utf-8")
    return [*places, *(f"reference/{name}.md" for name in REFERENCE)]


def main() -> None:
    """Build the site."""
    if find_spec("zensical") is None:
        print("Zensical is not installed: pip install -e '.[docs]'")
        sys.exit(2)
    places = prepare(PAGES)
    shutil.rmtree(SITE, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"], cwd=ROOT, check=False
    )
    if done.returncode:
        sys.exit(1)
    shown = f"python -m http.server --bind 127.0.0.1 --directory {SITE.relative_to(ROOT)} 8008"
    print(f"{len(places)} pages in {SITE.relative_to(ROOT)}; to read them with their search: {shown}")


if __name__ == "__main__":
    main()
