"""`spotdesk settings`: which settings are in force, what waits for a person, and the person's yes."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from desk.models.signatures import authenticated
from desk.screen.console import JsonFlag, emit, emit_json, err, out
from resources.identity.person import system_user
from resources.settings.acceptance.changes import digest_of, strictest
from resources.settings.acceptance.in_force import (
    SettingsState,
    Signature,
    adopt_harmless_changes,
    settings_state,
)
from resources.settings.acceptance.in_force import accept as accept_settings
from resources.settings.environment import Environment, read_environment
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError

app = typer.Typer(no_args_is_help=True, help="Settings in force, changes that wait, and their acceptance.")


@app.command()
def show(*, as_json: JsonFlag = False) -> None:
    """Show which settings are in force and who accepted them.

    Exit code 1 while a change waits for a person.
    """
    environment = read_environment()
    adopt_harmless_changes(environment.home, environment.conf_folder)
    state = settings_state(environment.home, environment.conf_folder)
    facts = _facts(environment, state)
    if as_json:
        emit_json(facts)
    else:
        for name, value in facts.items():
            out.print(f"{name.replace('_', ' ')}: {value}", soft_wrap=True)
    if state.is_waiting or state.acceptance is None:
        raise typer.Exit(1)


@app.command()
def diff(*, as_json: JsonFlag = False) -> None:
    """List every setting of `conf` that is not as in the accepted settings, and who must agree.

    Exit code 1 while a change waits for a person.
    """
    environment = read_environment()
    state = settings_state(environment.home, environment.conf_folder)
    rows = [asdict(change) for change in state.changes]
    empty = "no settings were accepted yet" if state.acceptance is None else "as accepted"
    emit(rows, as_json=as_json, title="settings", empty=empty)
    if state.is_waiting or state.acceptance is None:
        raise typer.Exit(1)


@app.command()
def accept(
    by: Annotated[str, typer.Option("--by", help="Who accepts.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")],
    *,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the password of --by; the terminal asks otherwise.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Let the settings in `conf` hold.

    What goes live, raises a limit or weakens the sign-off needs two people: the first call signs, the second
    one, of another person, puts it in force. Both are users of the desk (`spotdesk users`) and give their
    passwords.

    Exit code 1: signed, and a second person must sign. Exit code 2: not accepted.
    """
    environment = read_environment()
    name = _a_name(by)
    changes_now = settings_state(environment.home, environment.conf_folder).changes
    identity = (
        f"user {authenticated(environment.home, name, 'sign_off', password_file).name}"
        if strictest(list(changes_now)) == "two people"
        else f"system user {system_user()}"
    )
    signature = Signature(name=name, identity=identity, at_utc=utc_now().isoformat(), reason=reason)
    acceptance, changes = accept_settings(environment.home, environment.conf_folder, signature)
    emit([asdict(change) for change in changes], as_json=as_json, title="accepted changes", empty="no change")
    holds = acceptance.digest == digest_of(environment.conf_folder)
    said = "in force" if holds else "signed; not in force until a second person accepts them too"
    err.print(f"settings {digest_of(environment.conf_folder)[:16]}: {said}", highlight=False)
    if not holds:
        raise typer.Exit(1)


def _facts(environment: Environment, state: SettingsState) -> dict[str, Any]:
    acceptance = state.acceptance
    signed = [] if acceptance is None else acceptance.signatures
    waiting = [] if acceptance is None else acceptance.waiting
    return {
        "in_force": str(environment.settings_folder),
        "digest": "" if acceptance is None else acceptance.digest,
        "accepted_by": ", ".join(f"{one.name} ({one.identity}) at {one.at_utc[:19]}Z" for one in signed),
        "waiting_changes": len(state.changes) if state.is_waiting else 0,
        "signed_by": ", ".join(f"{one.name} ({one.identity})" for one in waiting),
    }


def _a_name(by: str) -> str:
    if not by.strip():
        raise ConfigurationError("--by is empty: say who accepts")
    return by.strip()
