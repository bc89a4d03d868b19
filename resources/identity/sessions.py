"""Sessions: a signed cookie that names a user for some hours. The role is looked up at each request."""

from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer

from resources.identity.roles import Identity
from resources.identity.users import UserStore, session_key
from spot.errors import ConfigurationError

COOKIE = "spotdesk_session"
MAX_AGE_SECONDS = 12 * 3600
"""A login lasts one working day."""


class Sessions:
    """Sessions of the desk in `home`."""

    def __init__(self, home: Path) -> None:
        self._users = UserStore(home)
        self._signer = URLSafeTimedSerializer(session_key(home), salt="spotdesk session")

    def begin(self, identity: Identity) -> str:
        """The value of the cookie of somebody whose password was right."""
        stamp = self._users.users()[identity.name].stamp
        return str(self._signer.dumps([identity.name, stamp]))

    def read(self, cookie: str | None) -> Identity | None:
        """Who holds the cookie; None where it is forged, too old, or of a user who has changed since."""
        if not cookie:
            return None
        try:
            name, stamp = self._signer.loads(cookie, max_age=MAX_AGE_SECONDS)
            user = self._users.users().get(name)
        except (BadSignature, ValueError, TypeError, ConfigurationError):
            return None
        if user is None or user.stamp != stamp:
            return None
        return Identity(user.name, user.role, "password")
