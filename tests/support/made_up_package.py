"""An installed package that is made up: its code, and the metadata that names its entry points."""

from pathlib import Path


def install(folder: Path, name: str, code: str, entry_points: dict[str, dict[str, str]]) -> None:
    """Put a module `name` and its metadata into `folder`, as pip would; `entry_points` by group and name."""
    (folder / f"{name}.py").write_text(code)
    metadata = folder / f"{name}-1.2.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    groups = "".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
        for group, points in entry_points.items()
    )
    (metadata / "entry_points.txt").write_text(groups)
