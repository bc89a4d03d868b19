"""`spotdesk books`: whether anything was changed since a head left, the key, and certificates of signals."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resources.files import read_regular
from spot.books.certificate import check_certificate
from spot.books.record import Head, parse_head
from spot.errors import ConfigurationError

if TYPE_CHECKING:  # `check` needs nothing of a desk and answers at once
    from resources.books.verification.verdict import Verdict
    from resources.settings.environment import Environment

app = typer.Typer(no_args_is_help=True, help="The signed hash chain of what the desk did.")
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_MAXIMUM_BYTES = 16 * 2**20
"""Largest certificate that is read. Chosen by hand: it holds the facts of one signal, and a wrong file of
gigabytes would fill the memory.
"""
_KEY_LENGTH = 64
"""A public key of Ed25519 has 32 bytes, 64 hexadecimal digits (RFC 8032, section 5.1.5)."""


@app.command()
def verify(
    *,
    head: Annotated[
        str,
        typer.Option(
            "--head",
            help="A head that was kept elsewhere.  \\[default: the newest at SPOTDESK_BOOKS_URI]",
        ),
    ] = "",
    public_key: Annotated[
        str, typer.Option("--public-key", help="The public key as it was published, or a file with it.")
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Find every change of what the books pin, and name the first.

    It reads every file of the ledger, the registry, the accepted settings and the state. Nothing is written.

    Exit code 1: something was changed, or a stop has no record.
    """
    from resources.books.verification.verify import verify as verify_books

    environment = _environment()
    known = _head(head) if head else _head_elsewhere(environment)
    verdict = verify_books(environment, head=known, public_key=_key(public_key) if public_key else "")
    if as_json:
        _emit({**asdict(verdict), "is_sound": verdict.is_sound, "first": verdict.first})
    else:
        _print(verdict)
    if not verdict.is_sound:
        raise typer.Exit(1)


@app.command()
def head(
    *,
    send: Annotated[bool, typer.Option("--send", help="Send it to SPOTDESK_BOOKS_URI, too.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print the head, to be kept elsewhere; records that a killed process left open are written first.

    Exit code 2: it could not be sent.
    """
    from desk.books.said import books_facts
    from resources.books.begin import keep_books
    from resources.books.chain import Chain
    from resources.books.leaving import send_head
    from resources.settings.at_use import books_place
    from resources.wall_clock import utc_now

    environment = _environment()
    if done := keep_books(environment):
        typer.echo(done, err=True)
    if send:
        place = books_place(environment)
        if place is None:
            raise ConfigurationError("SPOTDESK_BOOKS_URI is not set: there is no place to send the head to")
        send_head(environment.home, place, now=utc_now())
    if as_json:
        _emit(books_facts(environment))
    else:
        typer.echo(str(Chain(environment.home).head()))


@app.command()
def key(
    *,
    make: Annotated[bool, typer.Option("--make", help="Make a key where there is none.")] = False,
    new: Annotated[
        bool, typer.Option("--new", help="Replace the key: the old one signs the new one.")
    ] = False,
) -> None:
    """Print the public key, to be published apart from the desk.

    Exit code 2: the desk has no key, or one could not be made.
    """
    from resources.books.begin import keep_books
    from resources.books.keys import key_file, make_key, signing_key
    from resources.books.new_key import next_key
    from spot.books.signing import public_key_of

    environment = _environment()
    home = environment.home
    keep_books(environment)
    if make:
        make_key(home)
        keep_books(environment)
    elif new:
        next_key(home)
    found = signing_key(home)
    if found is None:
        raise ConfigurationError(f"there is no key in {key_file(home)}: `spotdesk books key --make`")
    typer.echo(public_key_of(found))


@app.command()
def certificate(
    signal: Annotated[str, typer.Argument(help="Id of the signal, or how it begins.")],
    *,
    out_file: Annotated[Path | None, typer.Option("--output", help="File to write.")] = None,
) -> None:
    """Write the certificate of a signal: what it was made of, and the proof that it stands in the books.

    Exit code 2: there is no such signal in the books, or the desk has no key.
    """
    from resources.books.certificate import make_certificate

    document = make_certificate(_environment(), signal)
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    if out_file is None:
        typer.echo(text, nl=False)
        return
    try:
        out_file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot write {out_file}: {error.strerror}") from error
    typer.echo(f"{out_file}: check it with `spotdesk books check {out_file} --public-key ...`", err=True)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A certificate.")],
    *,
    public_key: Annotated[
        str, typer.Option("--public-key", help="The public key as it was published, or a file with it.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Check a certificate; nothing of the desk is needed.

    Exit code 1: something in it does not hold. Exit code 2: it is no certificate.
    """
    try:
        checks = check_certificate(read_regular(file, _MAXIMUM_BYTES), _key(public_key))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} is no certificate: {error}") from error
    if as_json:
        _emit([asdict(one) for one in checks])
    else:
        for one in checks:
            typer.echo(f"{'yes' if one.holds else 'NO ':3} {one.what}")
    if not all(one.holds for one in checks):
        raise typer.Exit(1)


@app.command()
def accept(
    by: Annotated[str, typer.Option("--by", help="Who decides.")],
    reason: Annotated[str, typer.Option("--reason", help="What happened, for the record.")],
) -> None:
    """Go on from what stands now, after a repair, a restored file or a finding that is explained.

    Everything is pinned as it stands. The record names the person, the reason and what was found.

    Exit code 2: there is no reason, or something cannot be read.
    """
    from resources.books.begin import pin
    from resources.books.verification.verify import verify as verify_books
    from resources.identity.person import recorded_name

    environment = _environment()
    if not reason.strip():
        raise ConfigurationError("--reason is empty: say what happened")
    verdict = verify_books(environment)
    found = [*(one.what for one in verdict.findings), *verdict.unproved]
    record = pin(
        environment, "accepted", by=recorded_name(by), reason=reason, n_found=len(found), found=found[:100]
    )
    typer.echo(f"record {record.number}: {len(found)} findings accepted. The head is now")
    typer.echo(str(record.head))


def _environment() -> "Environment":
    from resources.home.open import open_desk
    from resources.settings.environment import read_environment

    opened = open_desk()
    if opened.note:
        typer.echo(opened.note, err=True)
    return read_environment()


def _emit(value: object) -> None:
    from desk.screen.console import emit_json

    emit_json(value)


def _head(text: str) -> Head:
    try:
        return parse_head(text)
    except ValueError as error:
        raise ConfigurationError(f"--head: {error}") from error


def _head_elsewhere(environment: "Environment") -> Head | None:
    from resources.books.leaving import newest_head
    from resources.settings.at_use import books_place

    place = books_place(environment)
    return None if place is None else newest_head(place)


def _key(text: str) -> str:
    """The public key, or the one in the file of this name."""
    found = text.strip()
    if len(found) != _KEY_LENGTH and os.path.isfile(found):  # noqa: PTH113 - False where a name is too long
        try:
            found = Path(found).read_text(encoding="utf-8", errors="replace").strip()
        except OSError as error:
            raise ConfigurationError(f"--public-key: cannot read {found}: {error.strerror}") from error
    if len(found) != _KEY_LENGTH or any(sign not in "0123456789abcdef" for sign in found):
        raise ConfigurationError("--public-key: expected 64 hex digits, or a file with them")
    return found


def _print(verdict: "Verdict") -> None:
    for finding in verdict.findings:
        typer.echo(f"record {finding.number}: {finding.what}")
    for text in verdict.unproved:
        typer.echo(f"no record: {text}")
    for text in verdict.waiting:
        typer.echo(f"note: {text}; the next run records it, marked as late")
    late = f", {verdict.n_late} of them late" if verdict.n_late else ""
    typer.echo(f"{verdict.n_records} records{late}. {_pinned(verdict)}")
    typer.echo(
        "the books verify: nothing was changed"
        if verdict.is_sound
        else f"THE BOOKS DO NOT VERIFY. First: {verdict.first}"
    )


def _pinned(verdict: "Verdict") -> str:
    signed = "signed after it" if verdict.public_key else "not signed: the desk has no key"
    if verdict.pinned >= 0:
        return f"Up to record {verdict.pinned} the head pins them; they are {signed}."
    return (
        "No head from elsewhere was given: whoever can write here could have removed or rewritten"
        f" {'the newest of them' if verdict.public_key else 'all of them'}."
    )
