"""Model files whose stored place is relative to the home (`spotdesk-home:/models/...`), for MLflow.

It is a plugin of MLflow (entry point `mlflow.artifact_repository`). With it, MLflow's own pages and clients
find the files of a home wherever that is. The registry itself does not need it.
"""

from pathlib import Path
from typing import Any

from resources.models.mlflow_store import HOME_SCHEME, database_of, is_local
from spot.errors import ConfigurationError


def home_artifacts(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> Any:
    """MLflow's repository of the files below the folder that the local store lies in.

    Raises:
        ConfigurationError: as `home_path`.
    """
    # MLflow asks for this function while MLflow itself is being imported.
    import mlflow
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    folder = home_path(artifact_uri, tracking_uri or mlflow.get_tracking_uri())
    return LocalArtifactRepository(folder.as_uri(), tracking_uri, registry_uri)


def home_path(artifact_uri: str, tracking_uri: str) -> Path:
    """The folder for a stored place beside this store.

    Raises:
        ConfigurationError: the store is not a local file, or the place is outside the store's folder.
    """
    if not is_local(tracking_uri):
        raise ConfigurationError(f"{artifact_uri} is a place beside a local store, not beside {tracking_uri}")
    home = database_of(tracking_uri).resolve().parent
    path = (home / artifact_uri.removeprefix(f"{HOME_SCHEME}:").lstrip("/")).resolve()
    if not path.is_relative_to(home):
        raise ConfigurationError(f"{artifact_uri} leaves the home {home}")
    return path
