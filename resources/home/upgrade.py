"""Upgrading a desk to the format and the schemas of this version, after a backup."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from resources.books.begin import keep_books, pin
from resources.books.chain import chain_of
from resources.books.verification.verify import verify
from resources.files import write_whole
from resources.home.backup import back_up
from resources.home.dagster_runs import is_worked_on
from resources.home.find import PROJECT_ROOT, is_desk_without_marker, state_home
from resources.home.marker import FORMAT, Kind, new_marker, read_marker
from resources.home.migrations import STEPS
from resources.settings.desk import desk_settings
from resources.settings.environment import Environment, read_environment
from resources.settings.process import variable
from resources.trading.leases import LeaseStore
from resources.trading.locks import deciding, publishing
from spot.errors import ConfigurationError

_OLD_DEMO = "DEMO.txt"


@dataclass(slots=True)
class UpgradeReport:
    """What was done."""

    home: str
    backup: str
    """File of the backup that was made before; empty where nothing was to be done."""
    done: list[str] = field(default_factory=list)
    next: list[str] = field(default_factory=list)
    """What a person must do."""


def upgrade(
    home: Path,
    backup: Path,
    *,
    conf: Path | None,
    now: datetime,
    tell: Callable[[str], None] = lambda _: None,
) -> UpgradeReport:
    """Bring the desk to the format of this version.

    Args:
        home: The desk, of this format or an older one.
        backup: File that holds the desk as it was.
        conf: Folder of the settings of a desk that has none of its own; by default SPOTDESK_CONF, else
            `conf` of the checkout.
        now: Stands in the backup and in the marker.
        tell: Called with each thing that was done.

    Raises:
        DeskFormatError: the desk is of a newer format, or its marker cannot be read.
        ConfigurationError: a `spotdesk dev` works on it, or a step failed; the backup is the desk as it was.
        SourceUnavailableError: decisions or messages are being made.
    """
    is_old = is_desk_without_marker(home)
    if not is_old:
        read_marker(home)
    environment = _environment(home)
    if is_worked_on(environment.dagster_home, now):
        raise ConfigurationError("a `spotdesk dev` works on this desk: stop it, then upgrade")
    report = UpgradeReport(str(home), str(backup))
    source = _old_settings(conf) if is_old and not (home / "conf").exists() else None
    saved = environment if source is None else environment.model_copy(update={"conf_folder": source})
    back_up(saved, backup, now=now, passphrase=None)
    tell(f"backup: {backup}")
    with ExitStack() as locks:
        for lock in (deciding, publishing):
            locks.enter_context(lock(environment.trading_state))
        for said in _work(environment, source, now, is_old=is_old):
            report.done.append(said)
            tell(said)
    report.next = _to_do(environment)
    return report


def _work(environment: Environment, source: Path | None, now: datetime, *, is_old: bool) -> Iterator[str]:
    """Bring settings, run every step, and write the marker last. After a kill, the desk is upgraded again."""
    differences = [] if chain_of(environment.home) is None else list(verify(environment).findings)
    if source is not None:
        yield from _take_settings(environment, source)
    did = False
    for step in STEPS:
        for said in step(environment):
            did = True
            yield said
    if is_old:
        kind: Kind = "demo" if (environment.home / _OLD_DEMO).is_file() else "desk"
        marker = new_marker(environment.home, kind=kind, now=now, origin="upgrade of a desk without a marker")
        yield f"format 0 upgraded to {FORMAT}: this is desk {marker.desk_id}"
    if chain_of(environment.home) is None:
        yield keep_books(environment)
    elif did:
        pin(
            environment,
            "upgrade",
            reason=f"code {environment.commit}",
            differences=[one.what for one in differences],
        )
        yield f"the books record the state after the upgrade; {len(differences)} differences found before it"


def _environment(home: Path) -> Environment:
    """The environment of a desk whose settings lie in it, or will."""
    environment = read_environment(None if home == state_home() else home)
    if is_desk_without_marker(home):
        return environment.model_copy(update={"conf_folder": home / "conf"})
    return environment


def _old_settings(conf: Path | None) -> Path | None:
    """Where the settings of a desk without a marker lay."""
    named = variable("SPOTDESK_CONF")
    found = conf or (Path(named).expanduser().resolve() if named else PROJECT_ROOT / "conf")
    if (found / "zones.yaml").is_file():
        return found
    if conf or named:
        raise ConfigurationError(f"{found} has no zones.yaml: name the folder of the settings with --conf")
    return None


def _take_settings(environment: Environment, source: Path) -> Iterator[str]:
    for path in sorted(source.rglob("*.yaml")):
        target = environment.conf_folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, path.read_bytes())
    yield f"settings: copied from {source}"
    keys = PROJECT_ROOT / ".env"
    if keys.is_file() and not (environment.home / ".env").exists():
        write_whole(environment.home / ".env", keys.read_bytes(), mode=0o600)
        yield f"keys and webhooks: copied from {keys}"


def _to_do(environment: Environment) -> list[str]:
    live = [zone for zone, own in desk_settings(environment).zones.items() if own.live]
    leases = LeaseStore(environment.home)
    return [
        f"{zone} is live in zones.yaml and on paper until a person gives this desk its lease:"
        f" spotdesk live --zone {zone}"
        for zone in live
        if leases.held(zone) is None
    ]
