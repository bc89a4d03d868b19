"""`conf/promotion.yaml`, `conf/monitoring.yaml` and the retention of `conf/zones.yaml`."""

from pathlib import Path

from resources.settings.zones import Desk, RetentionSettings, load_desk_settings
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


def retention_settings(desk: Desk) -> RetentionSettings:
    """How long runs, captured bodies and old versions of tables are kept.

    Raises:
        ConfigurationError: `zones.yaml` cannot be read or a setting is wrong.
    """
    return load_desk_settings(Path(desk.conf_folder) / "zones.yaml").retention
