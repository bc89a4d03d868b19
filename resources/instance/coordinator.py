"""The queue of runs of a desk: each run that a person launches through the UI carries who it was.

The guard before the UI puts the person into the scope of the request, where no header reaches. The tag is the
one that Dagster's pages show under "Launched by". A tag of that name which came with the request is replaced:
nobody launches in the name of another.
"""

from collections.abc import Mapping

from dagster import DagsterRun, QueuedRunCoordinator
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.storage.tags import USER_TAG
from dagster._core.workspace.context import WorkspaceRequestContext

from resources.identity.roles import IDENTITY, Identity

HOW_TAG = "spotdesk/known_by"
UNKNOWN = "unknown: not through the guard"
"""Who launches through a server of Dagster that somebody started without the guard."""


class DeskRunCoordinator(QueuedRunCoordinator):
    """Dagster's own queue; a run from a request is tagged with its person before it is queued.

    A run of a schedule or sensor comes without a request and stays as it is. A new run of an old one inherits
    the tags of the old one; launched in the UI, it is of whoever launched it.
    """

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Queue a run."""
        tags = tags_of_person(context.workspace)
        if not tags:
            return super().submit_run(context)
        self._instance.add_run_tags(context.dagster_run.run_id, tags)
        return super().submit_run(
            context._replace(dagster_run=context.dagster_run.with_tags({**context.dagster_run.tags, **tags}))
        )


def tags_of_person(workspace: object) -> Mapping[str, str]:
    """The tags of a run that is launched from a request; none where there is no request."""
    source = workspace.source if isinstance(workspace, WorkspaceRequestContext) else None
    scope = getattr(source, "scope", None)
    if not isinstance(scope, Mapping):
        return {}
    who = scope.get(IDENTITY)
    if not isinstance(who, Identity):
        return {USER_TAG: UNKNOWN, HOW_TAG: "nothing"}
    return {USER_TAG: who.name, HOW_TAG: who.how}
