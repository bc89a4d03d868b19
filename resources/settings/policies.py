"""`conf/promotion.yaml` and `conf/monitoring.yaml` as the settings of the pure code."""

from pathlib import Path

from resources.settings.zones import Desk
from spot.lifecycle.promotion_settings import PromotionSettings
from spot.monitoring.settings import MonitoringSettings


def promotion_settings(desk: Desk) -> PromotionSettings:
    """Limits of every promotion; the defaults where the desk has no file.

    Raises:
        ConfigurationError: the file cannot be read or a setting is wrong.
    """
    if not (Path(desk.conf_folder) / "promotion.yaml").exists():
        return PromotionSettings()
    return desk.named_document("promotion.yaml").check(PromotionSettings)


def monitoring_settings(desk: Desk) -> MonitoringSettings:
    """Thresholds of every monitor.

    Raises:
        ConfigurationError: the file is missing, cannot be read, or a setting is wrong.
    """
    return desk.named_document("monitoring.yaml").check(MonitoringSettings)
