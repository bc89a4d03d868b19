"""`spotdesk backup` and `restore`: write a desk to one file, and make a desk from one."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from desk.screen.console import JsonFlag, emit_json, out
from resources.home.backup import back_up
from resources.home.dagster_runs import cancel_unfinished_runs
from resources.home.restore import has_sealed_secrets
from resources.home.restore import restore as restore_backup
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError

_Passphrase = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help="File with the passphrase of the secrets; `-` reads it from standard input.  \\[default: asked]",
    ),
]


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, outside the desk.")],
    *,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Add keys and webhooks, encrypted under a passphrase.")
    ] = False,
    passphrase_file: _Passphrase = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the whole desk into one file while its runs go on.

    It holds settings, ledger, models, Dagster's records and state. Without --with-secrets it holds no key and
    no webhook.

    Exit code 2: no backup was made.

        spotdesk backup ~/backups/desk-2026-11-29.tar.gz
    """
    words = _passphrase(passphrase_file, confirm=True) if with_secrets else None
    report = back_up(read_environment(), file.expanduser().absolute(), now=utc_now(), passphrase=words)
    if as_json:
        emit_json(asdict(report))
        return
    size = f"{report.n_bytes / 1e6:,.1f} MB"
    out.print(f"desk {report.desk_id} in {report.file}: {report.n_files} files, {size}", soft_wrap=True)
    out.print("its secrets are in it, encrypted" if report.has_secrets else "no key and no webhook is in it")
    for what in report.outside:
        out.print(f"NOT in it: {what}", soft_wrap=True)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `spotdesk backup` made.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New folder of the desk.")],
    *,
    passphrase_file: _Passphrase = None,
    as_json: JsonFlag = False,
) -> None:
    """Restore a desk from a backup into a new folder.

    The restored desk has an identity of its own. It starts halted and on paper. Every file is compared with
    its checksum first. Resume it and give it the leases of its live zones once the other desk has stopped
    trading.

    Exit code 2: nothing was restored.
    """
    source, home = file.expanduser(), folder.expanduser().resolve()
    if not source.is_file():
        raise ConfigurationError(f"{source}: there is no such file")
    is_asked = passphrase_file is not None or sys.stdin.isatty()
    words = _passphrase(passphrase_file) if is_asked and has_sealed_secrets(source) else None
    report = restore_backup(source, home, passphrase=words)
    n_canceled = cancel_unfinished_runs(home / "dagster")
    if as_json:
        emit_json({**asdict(report), "canceled_runs": n_canceled})
        return
    named = f"desk {report.desk_id}" if report.desk_id else "a desk of an older format"
    out.print(f"{named} in {report.home}: {report.n_files} files of a {report.origin}", soft_wrap=True)
    out.print(
        "its secrets are in .env" if report.has_secrets else "without secrets: set keys and webhooks in .env"
    )
    if n_canceled:
        out.print(f"{n_canceled} runs that were active are marked as canceled")
    for what in report.outside:
        out.print(f"NOT restored: {what}", soft_wrap=True)
    out.print(
        "It is HALTED and on paper. Once the other one has stopped trading:"
        f' spotdesk --home {report.home} resume --reason "..."',
        soft_wrap=True,
    )


def _passphrase(path: Path | None, *, confirm: bool = False) -> str:
    """The passphrase from a file, from standard input, or as a person types it."""
    if path is None:
        return str(typer.prompt("Passphrase of the secrets", hide_input=True, confirmation_prompt=confirm))
    try:
        text = sys.stdin.readline() if str(path) == "-" else path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    return text.strip()
