"""Compiles the modules that every process of a desk imports, and no others.

A container with a read-only file system compiles whatever is not compiled at each start, which takes seconds.
Compiling all libraries would add 300 MB. The compiled files do not depend on the time of the build.
"""

import importlib
import py_compile
import sys
from pathlib import Path

USED = (
    *("dagster._cli", "dagster._core.workspace.autodiscovery", "dagster._utils.test.definitions"),
    *("dagster._daemon", "dagster._grpc.server", "dagster_mlflow", "dagster_postgres"),
    *(
        "dagster_webserver.app",
        "deltalake",
        "duckdb",
        "mlflow.server.fastapi_app",
        "polars",
        "prometheus_client",
    ),
    *("pydantic_settings", "scipy.optimize", "scipy.stats", "matplotlib.figure", "typer", "uvicorn"),
)


def main() -> None:
    """Import what is used, and compile what that has loaded."""
    for name in USED:
        importlib.import_module(name)
    files = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    n_compiled = 0
    for file in sorted(name for name in files if name.endswith(".py") and Path(name).is_file()):
        py_compile.compile(
            file, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
        )
        n_compiled += 1
    sys.stdout.write(f"compiled {n_compiled} modules\n")


if __name__ == "__main__":
    main()
