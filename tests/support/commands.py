"""Commands of Spotdesk in the process of a test."""

from typer.testing import CliRunner, Result

from desk.main import app

RUNNER = CliRunner()


def call(*words: str) -> Result:
    """The result of a command."""
    return RUNNER.invoke(app, list(words))


def must(*words: str) -> None:
    """Run a command that has to succeed."""
    done = call(*words)
    assert done.exit_code == 0, (done.output, done.exception)
