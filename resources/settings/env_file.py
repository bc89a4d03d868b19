"""`.env` of a desk, for what must not wait for the whole environment: the second place of the stop button.

`environment.py` is the reader of everything else, under the same rules.
"""

from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from resources.settings.process import variables


def settings_of(home: Path, names: tuple[str, ...], *, is_named: bool = False) -> Mapping[str, str]:
    """The variables that are set.

    A variable of the process goes before one of `.env`, but where `--home` names the desk (`is_named`): then
    its own `.env` alone says where it sends things.
    """
    filed = {name: value for name, value in dotenv_values(home / ".env").items() if value}
    known = filed if is_named else {**filed, **{name: value for name, value in variables().items() if value}}
    return {name: known[name] for name in names if name in known}
