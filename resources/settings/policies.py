"""`conf/promotion.yaml` and `conf/monitoring.yaml` as the settings of the pure code."""

from pathlib import Path

from pydantic import ValidationError

from resources.settings.zones import Desk
from spot.errors import ConfigurationError
from spot.lifecycle.promotion import PromotionSettings
from spot.monitoring.settings import MonitoringSettings


def promotion_settings(desk: Desk) -> PromotionSettings:
    """Limits of every promotion; the defaults where the desk has no file.

    Raises:
        ConfigurationError: the file cannot be read or a setting is wrong.
    """
    if not (Path(desk.conf_folder) / "promotion.yaml").exists():
        return PromotionSettings()
    try:
        return PromotionSettings.model_validate(desk.named_document("promotion.yaml"))
    except ValidationError as error:
        raise ConfigurationError(f"promotion.yaml: {error}") from error


def monitoring_settings(desk: Desk) -> MonitoringSettings:
    """Thresholds of every monitor.

    Raises:
        ConfigurationError: the file is missing, cannot be read, or a setting is wrong.
    """
    try:
        return MonitoringSettings.model_validate(desk.named_document("monitoring.yaml"))
    except ValidationError as error:
        raise ConfigurationError(f"monitoring.yaml: {error}") from error
