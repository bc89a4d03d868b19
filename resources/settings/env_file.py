"""The file `.env` of a desk: whether it can be read, and what the second place of the stop button needs.

That place must not wait for the whole environment. `environment.py` reads everything else, by the same rules.
"""

import io
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from resources.settings.process import variables
from spot.errors import ConfigurationError


def check_env_file(path: Path) -> None:
    """Check that every line of the file can be read. A file that does not exist is fine.

    Raises:
        ConfigurationError: the file cannot be read, or a line is neither NAME=value nor a comment. The
            message never holds the line, which may be a secret.
    """
    if not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: holds bytes that are not UTF-8: save the file as UTF-8") from None
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            raise ConfigurationError(
                f"{path}: line {binding.original.line} is neither NAME=value nor a comment that begins with #"
            )


def settings_of(home: Path, names: tuple[str, ...], *, is_named: bool = False) -> Mapping[str, str]:
    """The variables that are set.

    A variable of the process goes before one of `.env`, but where `--home` names the desk (`is_named`): then
    its own `.env` alone says where it sends things.
    """
    filed = {name: value for name, value in dotenv_values(home / ".env").items() if value}
    known = filed if is_named else {**filed, **{name: value for name, value in variables().items() if value}}
    return {name: known[name] for name in names if name in known}
