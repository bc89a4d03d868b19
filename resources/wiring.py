"""The resources of an environment. This is the one place that says which class stands behind which name.

Slow modules are imported when they are needed. A command that only reads the lake does not wait for the
registry and the sources.
"""

from typing import TYPE_CHECKING, Any

from resources.lake.lake import Lake
from resources.settings.at_use import provider_urls
from resources.settings.desk import desk_resource
from resources.settings.environment import Environment

if TYPE_CHECKING:
    from resources.models.registry import ModelRegistry
    from resources.settings.zones import Desk


def make_lake(environment: Environment) -> Lake:
    """The tables of the environment."""
    return Lake(
        uri=environment.lake_uri, storage_options=environment.storage_options, home=str(environment.home)
    )


def make_registry(environment: Environment) -> "ModelRegistry":
    """The model registry of the environment."""
    from resources.models.registry import ModelRegistry

    return ModelRegistry(
        tracking_uri=environment.tracking_uri,
        artifact_folder=str(environment.artifact_folder),
        home=str(environment.home),
    )


def make_resources(environment: Environment, *, desk: "Desk | None" = None) -> dict[str, Any]:
    """Name to resource. The configuration of a run can set none of them."""
    from resources.analysts.database import AnalystDatabase
    from resources.clock import Clock
    from resources.instance.one_process import nothing_passed_on
    from resources.market.market_source import MarketSource
    from resources.models.mlflow_run import mlflow_run
    from resources.trading.alerts import Alerts
    from resources.trading.outbox import Outbox
    from resources.trading.state_folder import StateFolder

    lake, registry = make_lake(environment), make_registry(environment)
    alerts = Alerts(lake=lake, asks_environment=bool(environment.webhook_url.get_secret_value()))
    return {
        "lake": lake,
        "desk": desk or desk_resource(environment),
        "registry": registry,
        "market_source": MarketSource(
            lake=lake,
            alerts=alerts,
            data_folder=str(environment.market_data),
            http_folder=str(environment.home / "http"),
            home=str(environment.home),
            base_urls=provider_urls(),
        ),
        "clock": Clock(),
        "alerts": alerts,
        "analyst_file": AnalystDatabase(path=str(environment.analyst_database)),
        "outbox": Outbox(
            lake=lake,
            state_folder=str(environment.trading_state),
            drop_folder=str(environment.home / "outbox"),
            home=str(environment.home),
        ),
        "state_folder": StateFolder(path=str(environment.trading_state)),
        "mlflow": mlflow_run(environment.tracking_uri, str(environment.artifact_folder)),
        "io_manager": nothing_passed_on,
    }
