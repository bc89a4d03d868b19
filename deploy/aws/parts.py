"""The parts of a desk on AWS: what each runs, how large it is, and which buckets and secrets it sees."""

from dataclasses import dataclass, field

_READ = ("s3:GetObject", "s3:ListBucket")
_WRITE = (*_READ, "s3:PutObject", "s3:DeleteObject")
_KEEP = (*_READ, "s3:PutObject")
"""Without deleting: heads of the books."""
MAKE_DATABASE = (
    "import psycopg2 as p, os; c = p.connect(host=os.environ['SPOTDESK_DB_HOST'], user='spotdesk',"
    " dbname='dagster'); c.autocommit = True; q = c.cursor();"
    " q.execute(\"select 1 from pg_database where datname = 'mlflow'\");"
    " q.fetchone() or q.execute('create database mlflow')"
)
"""Makes MLflow's database at the first start: its tables have names that Dagster's have, too."""
_SERVE_MODELS = (
    'python -c "$MAKE_DATABASE" && exec mlflow server --host 0.0.0.0 --port 5000 --workers 1'
    " --backend-store-uri postgresql://spotdesk@$SPOTDESK_DB_HOST/mlflow --serve-artifacts"
    " --artifacts-destination $MODELS --allowed-hosts mlflow:5000"
)


@dataclass(frozen=True)
class Part:
    """One service: its command, size, port, and what its role may do."""

    command: tuple[str, ...]
    port: int | None = None
    cpu: int = 256
    memory: int = 1024
    has_folder: bool = True
    secrets: tuple[str, ...] = ()
    buckets: dict[str, tuple[str, ...]] = field(default_factory=dict)


_SERVICE = ("spotdesk", "service")
PARTS = {
    "code": Part(
        (*_SERVICE, "code", "--host", "0.0.0.0", "--port", "4000", "--log-format", "json"),
        port=4000,
        cpu=512,
        memory=2048,
        secrets=("signals", "sources", "alerts"),
        buckets={"lake": _WRITE, "logs": _WRITE, "stop": _READ, "books": _KEEP},
    ),
    "daemon": Part(
        (*_SERVICE, "daemon", "--code", "code:4000", "--log-format", "json"),
        cpu=512,
        buckets={"logs": _READ},
    ),
    "web": Part(
        (
            *_SERVICE,
            "web",
            "--host",
            "0.0.0.0",
            "--port",
            "3000",
            "--code",
            "code:4000",
            "--log-format",
            "json",
        ),
        port=3000,
        cpu=512,
        buckets={"logs": _READ},
    ),
    "screen": Part(
        ("spotdesk", "screen", "--host", "0.0.0.0", "--port", "3100"),
        port=3100,
        buckets={"lake": _READ, "stop": _WRITE},
    ),
    "watch": Part(("spotdesk", "watch"), secrets=("alerts",), buckets={"lake": _READ, "stop": _READ}),
    "mlflow": Part(
        (
            "sh",
            "-c",
            _SERVE_MODELS,
        ),
        port=5000,
        has_folder=False,
        buckets={"models": _WRITE},
    ),
}
RUN = Part(
    ("true",),
    cpu=1024,
    memory=4096,
    secrets=("signals", "sources", "alerts"),
    buckets={"lake": _WRITE, "logs": _WRITE, "stop": _READ, "books": _KEEP},
)
"""A run. The launcher gives its command."""
KEYS = {
    "signals": ("SPOTDESK_SIGNAL_WEBHOOK_URL", "SPOTDESK_SIGNAL_WEBHOOK_SECRET"),
    "sources": ("SPOTDESK_ENTSOE_TOKEN",),
    "alerts": ("SPOTDESK_WEBHOOK_URL", "SPOTDESK_HEARTBEAT_URL"),
}
"""Secret to the variables that a task gets from it."""
