"""Every alert that the code can raise has its page: what it means, what to check, what to do; and every page has its alert."""

from pathlib import Path
from typing import get_args

from spot.contracts.monitoring_tables import AlertKind
from trading_assets.monitor_alerts import MONITORS

KINDS = get_args(AlertKind)  # mypy refuses any other kind at `Alerts.send`


def test_every_alert_has_a_page_that_says_see_check_do(project_root: Path) -> None:
    folder = project_root / "docs" / "runbooks"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for kind in KINDS:
        page = folder / f"{kind}.md"
        assert page.is_file(), f"alert {kind} has no page in docs/runbooks"
        text = page.read_text(encoding="utf-8")
        for part in (f"Alert `{kind}`", "## See", "## Check", "## Do"):
            assert part in text, f"{page.name} lacks {part}"
        assert f"({kind}.md)" in index


def test_every_page_belongs_to_an_alert_that_is_raised_somewhere(project_root: Path) -> None:
    pages = {page.stem for page in (project_root / "docs" / "runbooks").glob("*.md")} - {"README"}
    assert pages == set(KINDS)
    files = [file for floor in ("resources", "trading_assets", "sensors", "desk") for file in (project_root / floor).rglob("*.py")]
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    chosen = {monitor.kind for monitor in MONITORS.values()}
    for kind in KINDS:
        assert kind in chosen or f'"{kind}"' in code, f"nothing raises {kind}"
