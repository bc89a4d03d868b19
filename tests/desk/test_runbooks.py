"""Every alert that the code can raise has its page: what it means, what to check, what to do."""

import re
from pathlib import Path

_KIND = re.compile(r"""(?:alerts\.send|_send)\(\s*(?:alerts,\s*)?"([a-z_]+)\"""")
_CHOSEN = ("run_failed", "blocking_check_failed", "sign_off_awaited")


def raised(project_root: Path) -> set[str]:
    files = [file for floor in ("resources", "trading_assets", "sensors", "desk") for file in (project_root / floor).rglob("*.py")]
    return {kind for file in files for kind in _KIND.findall(file.read_text(encoding="utf-8"))} | set(_CHOSEN)


def test_every_alert_has_a_page_that_says_see_check_do(project_root: Path) -> None:
    kinds = raised(project_root)
    assert {"no_champion", "bad_data", "retrain_abandoned"} <= kinds
    folder = project_root / "docs" / "runbooks"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for kind in sorted(kinds):
        page = folder / f"{kind}.md"
        assert page.is_file(), f"alert {kind} has no page in docs/runbooks"
        text = page.read_text(encoding="utf-8")
        for part in (f"Alert `{kind}`", "## See", "## Check", "## Do"):
            assert part in text, f"{page.name} lacks {part}"
        assert f"({kind}.md)" in index
