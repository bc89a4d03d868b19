"""Registry, accepted settings and trading state, compared with what the books pin."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from resources.books.begin import is_begun
from resources.books.settings_books import accepted_hashes
from resources.books.standing import StandingModels, standing_models
from resources.books.state_books import lines_of, state_files
from resources.books.verification.verdict import Found
from resources.models.mlflow_store import is_local
from resources.models.model_files import ModelFiles
from resources.models.version import checksums_of
from resources.settings.environment import Environment
from resources.trading.state_files import MARKER, read_record, scopes_of
from spot.books.expected import Expected, ExpectedLine, ExpectedModels, ExpectedSettings, version_digest
from spot.errors import ModelIntegrityError
from spot.risk.state import TradingState, stricter


def check_models(environment: Environment, expected: Expected, last: int) -> Found:
    """Whether every version, its files and the champion are as recorded.

    Args:
        environment: The desk.
        expected: What the books say.
        last: Number of the newest record.
    """
    found, standing = Found(), dict(standing_models(environment))
    for name in sorted({*expected.models, *standing}):
        models = expected.models.get(name, ExpectedModels())
        _check_model(found, name, models, standing.get(name, StandingModels([], "")), last)
    if is_local(environment.tracking_uri):
        for name, models_now in standing.items():
            _check_files(found, environment, name, models_now, expected)
    return found


def _check_model(found: Found, name: str, models: ExpectedModels, now: StandingModels, last: int) -> None:
    rows = {row["version"]: row for row in now.rows}
    for version, pinned in models.versions.items():
        if version not in rows:
            found.add(pinned.number, f"registry: version {version} of {name} is gone")
        elif version_digest(rows[version]) != pinned.sha256:
            if is_begun(models, rows[version]):
                found.waiting.append(
                    f"registry: a change of version {version} of {name} waits for its record"
                )
            else:
                found.add(pinned.number, f"registry: version {version} of {name} was changed")
    for version, row in rows.items():
        if version in models.versions:
            continue
        if is_begun(models, row):
            found.waiting.append(f"registry: version {version} of {name} waits for its record")
        else:
            found.add(last, f"registry: version {version} of {name} is not of the desk")
    champion = models.champion.sha256 if models.champion else ""
    if now.champion != champion and now.champion != (models.begun or {}).get("champion"):
        number = models.champion.number if models.champion else last
        said = f"is version {now.champion or 'none'}, the books say {champion or 'none'}"
        found.add(number, f"registry: the champion of {name} {said}")


def _check_files(
    found: Found, environment: Environment, name: str, now: StandingModels, expected: Expected
) -> None:
    files = ModelFiles(environment.tracking_uri, str(environment.artifact_folder))
    for row in now.rows:
        pinned = expected.models.get(name, ExpectedModels()).versions.get(row["version"])
        stated = row["tags"].get("checksums")
        if pinned is None or stated is None:
            continue
        try:
            is_same = checksums_of(files.read_now(row["run_id"])) == json.loads(stated)
        except (ModelIntegrityError, OSError, ValueError):
            is_same = False
        if not is_same:
            found.add(pinned.number, f"registry: files of version {row['version']} of {name} were changed")


def check_settings(home: Path, settings: ExpectedSettings, last: int) -> Found:
    """Whether the accepted settings are as recorded; arguments as `check_models`."""
    found = Found()
    try:
        now = accepted_hashes(home)
    except OSError as error:
        found.add(last, f"accepted settings: a file cannot be read ({error.strerror})")
        return found
    begun = settings.begun or {}
    names = {"record": "record.json", "history": "history.jsonl", "copy": "conf"}
    for part, file in names.items():
        known = settings.hashes.get(part)
        if now[part] == known or (known is None and not settings.hashes and _is_nothing(home)):
            continue
        if begun.get(part) == now[part]:
            found.waiting.append(f"accepted settings: {file} waits for its record")
        else:
            number = settings.number if settings.number >= 0 else last
            found.add(number, f"accepted settings: accepted/{file} was changed")
    return found


def _is_nothing(home: Path) -> bool:
    return not (home / "accepted").exists()


def check_state(folder: Path, expected: Expected, last: int) -> Found:
    """Whether the log of the stop button and its files are as recorded; arguments as `check_models`."""
    found, standing = Found(), list(lines_of(folder))
    known = [one.pinned.sha256 for one in expected.state_lines]
    here = {line.sha256 for line in standing}
    for place, one in enumerate(expected.state_lines):
        if one.pinned.sha256 in here:
            continue
        if not _never_held(folder, one, expected.state_lines[place + 1 :]):
            text = f"{one.said.get('scope')} {one.said.get('state')} of {one.said.get('since_utc')}"
            found.add(one.pinned.number, f"log of the stop button: a line was removed or changed: {text}")
    for number, line in enumerate(standing, start=1):
        if line.sha256 in known:
            continue
        text = f"log of the stop button: line {number} ({line.said.get('scope')} {line.said.get('state')})"
        if line.may_be_late:
            found.unproved.append(f"{text} has no record: a stop that was killed, or not of the desk")
        else:
            found.add(last, f"{text} is not of the desk")
    late = {one.pinned.sha256 for one in expected.state_lines if one.is_late}
    recorded = [line.sha256 for line in standing if line.sha256 in known]
    in_time = [sha256 for sha256 in recorded if sha256 not in late]
    if len(set(recorded)) != len(recorded) or in_time != sorted(in_time, key=known.index):
        found.add(last, "log of the stop button: lines were moved or repeated")
    _check_scopes(found, folder, expected, last)
    return found


def _never_held(folder: Path, line: ExpectedLine, later: Sequence[ExpectedLine]) -> bool:
    """Whether a resumption was recorded and killed before it was written: what came next did not see it."""
    if line.said.get("state") != TradingState.ACTIVE:
        return False
    scope = str(line.said.get("scope"))
    following = next((other.said for other in later if other.said.get("scope") == scope), None)
    if following is None:
        return read_record(folder, scope).since_utc != line.said.get("since_utc")
    return following.get("before") == line.said.get("before")


def _check_scopes(found: Found, folder: Path, expected: Expected, last: int) -> None:
    known = {line.pinned.sha256 for line in expected.state_lines}
    newest = {str(line.said.get("scope")): line.said for line in lines_of(folder) if line.sha256 in known}
    now = state_files(folder)
    for scope, pinned in expected.state_files.items():
        if now.get(scope) != pinned.sha256:
            _differs(found, folder, scope, newest.get(scope, {}), pinned.number)
    for scope in sorted({*scopes_of(folder), *newest} - {*expected.state_files, MARKER}):
        if scope not in newest and scope not in now:
            continue  # the desk, of which nothing was ever said
        record = read_record(folder, scope)
        said = newest.get(scope, {})
        is_same = all(
            str(said.get(name, "")) == str(getattr(record, name))
            for name in ("state", "reason", "actor", "since_utc")
        )
        if not is_same:
            _differs(found, folder, scope, said, last)


def _differs(found: Found, folder: Path, scope: str, said: Mapping[str, Any], number: int) -> None:
    """A file that is not what the log says last: a stop, or a change by somebody else."""
    if scope == MARKER:
        found.unproved.append("trading state: the mark that makes it readable is gone: everything is HALTED")
        return
    before = said.get("state", "ACTIVE")
    known = TradingState(before) if before in list(TradingState) else TradingState.ACTIVE
    state = read_record(folder, scope).state
    if state is not known and stricter(state, known) is state:
        found.unproved.append(
            f"trading state: {scope} is {state} and no line says so: a stop that was killed, or a forged one"
        )
    else:
        found.add(number, f"trading state: {scope}.json is not what the log says last")
