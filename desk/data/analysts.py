"""The analyst database after a command that brings in data, so that `spotdesk sql` shows it at once."""

from resources.analysts.database import AnalystDatabase
from resources.models.mlflow_store import database_of, is_local
from resources.models.version import SPREAD_FAMILY
from resources.settings.desk import desk_resource
from resources.settings.environment import Environment
from resources.wiring import make_lake, make_registry


def publish_tables(environment: Environment) -> None:
    """Build the database of the newest tables, with the versions of models where there is a registry yet.

    Raises:
        ConfigurationError: the settings or the registry cannot be read.
    """
    versions = []
    if not is_local(environment.tracking_uri) or database_of(environment.tracking_uri).is_file():
        registry, desk = make_registry(environment), desk_resource(environment)
        families = (registry, registry.of_family(SPREAD_FAMILY))
        versions = [one for zone in desk.zones for family in families for one in family.shown_versions(zone)]
    AnalystDatabase(path=str(environment.analyst_database)).publish(
        make_lake(environment), model_versions=versions
    )
