"""The workspace behind the guard: what a person asks of Dagster carries who it was.

A run is tagged where it is queued (`resources/instance/coordinator.py`). A backfill and a reported event are
made before that, so their requests say it here.
"""

from dagster._core.storage.tags import REPORTING_USER_TAG, USER_TAG
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext

from resources.instance.coordinator import tags_of_person


class _Request(WorkspaceRequestContext):
    """One request, of one person."""

    def get_viewer_tags(self) -> dict[str, str]:
        """What a backfill and its runs carry."""
        return dict(tags_of_person(self))

    def get_reporting_user_tags(self) -> dict[str, str]:
        """What an event carries that a person reports."""
        tags = tags_of_person(self)
        return {REPORTING_USER_TAG: tags[USER_TAG]} if tags else {}


class DeskWorkspace(WorkspaceProcessContext):
    """A workspace whose requests know their person."""

    def create_request_context(self, source: object | None = None) -> WorkspaceRequestContext:
        """The context of a request."""
        return _Request(
            instance=self.instance,
            current_workspace=self.get_current_workspace(),
            process_context=self,
            version=self.version,
            source=source,
            read_only=self.read_only,
        )
