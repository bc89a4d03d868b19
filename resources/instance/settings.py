"""The file `dagster.yaml` of a desk: the template, and what a deployment sets in place of parts of it."""

from pathlib import Path

import yaml

from resources.settings.yaml_file import read_yaml


def instance_settings(template: Path, deployment: Path | None) -> bytes:
    """The text of `dagster.yaml`.

    A top-level key of `deployment`, such as `storage` or `run_launcher`, replaces that of the template.

    Raises:
        ConfigurationError: the file `deployment` cannot be read, or is not a mapping of settings.
    """
    if deployment is None:
        return template.read_bytes()
    own = {**read_yaml(template).content, **read_yaml(deployment).content}
    return yaml.safe_dump(own, sort_keys=False).encode()
