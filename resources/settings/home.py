"""Where the state folder lies, told without importing Dagster or MLflow.

The stop button must work when everything else is slow or dead.

`resources/settings/environment.py` reads the whole environment; a test proves that both name the same folder.
"""

from pathlib import Path

from dotenv import dotenv_values

from resources.settings.process import variable

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def state_home() -> Path:
    """Folder of all state: SPOTDESK_HOME of the process, else of `.env`, else `.spotdesk` in the project root."""
    named = variable("SPOTDESK_HOME") or dotenv_values(PROJECT_ROOT / ".env").get("SPOTDESK_HOME")
    return Path(named or PROJECT_ROOT / ".spotdesk").expanduser().resolve()
