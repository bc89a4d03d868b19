"""Reference of the settings, read from the classes that check them and from the files of a new desk."""

import ast
import inspect
import textwrap
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from resources.home.find import TEMPLATES
from resources.plugins.members import MEMBERS
from resources.plugins.strategies import STRATEGIES
from resources.settings import environment
from resources.settings.zone_settings import DeskSettings, RetentionSettings, ZoneSettings
from spot.lifecycle.promotion_settings import PromotionSettings
from spot.monitoring.settings import MonitoringSettings

_CLASSES: dict[str, type[BaseModel]] = {
    "conf/zones.yaml: the desk": DeskSettings,
    "conf/zones.yaml: a zone": ZoneSettings,
    "conf/zones.yaml: retention": RetentionSettings,
    "conf/promotion.yaml": PromotionSettings,
    "conf/monitoring.yaml": MonitoringSettings,
}


def page() -> str:
    """Variables, then the settings of each file with default and meaning, then the files of a new desk."""
    document = inspect.getdoc(environment) or ""
    variables = "\n".join(line for line in document.splitlines() if line.startswith("|"))
    kinds = {
        **{f"Strategy: {name}": STRATEGIES[name] for name in sorted(STRATEGIES.built_in)},
        **{f"Model: {name}": MEMBERS[name] for name in sorted(MEMBERS.built_in)},
    }
    parts = [
        "# Settings\n",
        "Made from the code that checks them. `spotdesk settings show` prints what is in force.\n",
        f"## Variables\n\n{variables}\n",
        *(f"## {title}\n\n{_table(found)}\n" for title, found in _CLASSES.items()),
        *(f"## {title}\n\n{_table(found)}\n" for title, one in kinds.items() if (found := _settings(one))),
        "## Files of a new desk\n",
        *(_file(path) for path in sorted(TEMPLATES.glob("conf/*.yaml"))),
    ]
    return "\n".join(parts)


def _settings(one: Any) -> Any:
    """The class that holds the settings: of a strategy it is the class itself."""
    if issubclass(one, BaseModel):
        return one
    return getattr(one, "settings_type", None)


def _table(found: type[Any]) -> str:
    meanings = _meanings(found)
    rows = [
        f"| `{name}` | {_default(field)} | {meanings.get(name, '')} |"
        for name, field in getattr(found, "model_fields", {}).items()
    ]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


def _default(field: Any) -> str:
    value = field.default
    if field.default_factory is not None:
        value = field.default_factory()
    if value is PydanticUndefined:
        return "needed"
    return "see below" if isinstance(value, BaseModel) else f"`{value}`".replace("|", "\\|")


def _meanings(found: type[Any]) -> dict[str, str]:
    """Name of a field to the text below it, of the class and of what it derives from."""
    told: dict[str, str] = {}
    for one in reversed([base for base in found.__mro__ if base.__module__.split(".")[0] in _ROOMS]):
        body = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
        nodes = body.body if isinstance(body, ast.ClassDef) else []
        for node, after in zip(nodes, [*nodes[1:], None], strict=True):
            text = after.value if isinstance(after, ast.Expr) else None
            if isinstance(node, ast.AnnAssign) and isinstance(text, ast.Constant):
                told[ast.unparse(node.target)] = " ".join(str(text.value).split()).replace("|", "\\|")
    return told


_ROOMS = ("spot", "resources")
"""Packages whose classes have texts below their fields."""


def _file(path: Path) -> str:
    name = path.relative_to(TEMPLATES).as_posix()
    return f"### {name}\n\n```yaml\n{path.read_text(encoding='utf-8').strip()}\n```\n"
