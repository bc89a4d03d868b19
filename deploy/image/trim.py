"""Removes from the libraries of the image what no process of a desk reads.

That is tests, example data, type stubs, headers, source maps, and services that nobody calls.
`deploy/Dockerfile` runs it with the Python whose libraries are trimmed. `make image-test` runs tests of
Spotdesk on what is left.
"""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

TEST_FOLDER = "tests"
"""Not `test`: Dagster loads its folder of that name with every desk."""
FOLDERS = (
    *("nannyml/datasets/data", "pyarrow/include", "numpy/_core/include", "jupyterlab_plotly"),
    "mlflow/server/js",
)
"""Example data, headers, a part of notebooks, and the pages of MLflow, which have no login."""
SUFFIXES = (".pyi", ".pyx", ".pxd", ".h", ".hpp", ".a", ".map")
FILES = ("statsmodels/datasets/**/*.csv", "sklearn/datasets/**/*.csv*", "plotly/package_data/plotly.min.js")
"""More example data, and the script with which a picture is shown in a browser."""
UNCALLED = ("pyarrow/libarrow*_flight*.so*", "pyarrow/_flight*.so")
"""The part of Arrow that talks to servers which a desk does not have."""
WITH_SYMBOLS = ("_polars_runtime*/*.so", "catboost/_catboost.so")
"""Libraries with names for a debugger, 50 MB in all."""
AWS_SERVICES = (
    *("s3", "sts", "sso", "sso-oidc", "signin", "ec2", "ecr", "ecs", "logs", "secretsmanager", "ssm"),
    *("resourcegroupstaggingapi", "cloudwatch", "events"),
)
"""Services whose descriptions stay: storage, logins, and what starts and watches tasks."""


def trim(libraries: Path) -> None:
    """Remove it all from a folder of libraries."""
    tests = [path for path in libraries.rglob("*") if path.name == TEST_FOLDER and path.is_dir()]
    for folder in [*tests, *(libraries / name for name in FOLDERS)]:
        shutil.rmtree(folder, ignore_errors=True)  # it may lie in one that is gone
    files = [path for path in libraries.rglob("*") if path.suffix in SUFFIXES and path.is_file()]
    for file in [*files, *(path for pattern in (*FILES, *UNCALLED) for path in libraries.glob(pattern))]:
        file.unlink(missing_ok=True)
    for service in libraries.glob("botocore/data/*/"):
        if service.is_dir() and service.name not in AWS_SERVICES:
            shutil.rmtree(service)
    for pattern in WITH_SYMBOLS:
        for library in libraries.glob(pattern):
            subprocess.run(["strip", "--strip-unneeded", str(library)], check=True)


def size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Trim the libraries of this Python, and say how much went."""
    libraries = Path(sysconfig.get_paths()["purelib"])
    before = size(libraries)
    trim(libraries)
    sys.stdout.write(f"trimmed {before / 1e6:,.0f} MB of libraries to {size(libraries) / 1e6:,.0f} MB\n")


if __name__ == "__main__":
    main()
