"""The whole chain on a US hub.

A made-up PJM and ECB on loopback, asked through the live client, to settled signals in EUR.

`python -m benchmarks.running.us_chain [--json]`, exit 1 where a day has no forecast or no signal. Prices are
invented: it proves the way, not a profit.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np

from resources.home.make import make_home
from spot.market.delivery import days_between, n_periods
from spot.market.gates import gate_closure_utc
from tests.support import us_documents as us
from tests.support.provider_server import Behaviour, FaultyProvider, faulty_provider, sends

ROOT = Path(__file__).resolve().parents[2]

ZONE = "PJM_WESTERN_HUB"
FIRST, LAST = date(2025, 10, 27), date(2025, 11, 5)
"""With the 25-hour day of 2 November."""
_SETTINGS = """
defaults:
  {model: fast, training_days: 120, minimum_training_days: 60, evaluation_days: 14,
   strategies: [real_time_spread, storage]}
zones: {PJM_WESTERN_HUB: {source: pjm}}
"""


def prices(day: date) -> list[float]:
    """Day-ahead prices with a morning and an evening peak, USD/MWh."""
    hours = np.arange(n_periods(ZONE, day, 60))
    noise = np.random.default_rng(day.toordinal()).normal(0.0, 3.0, len(hours)) + 6.0 * np.sin(
        day.toordinal() / 5.0
    )
    shape = (
        38.0
        + 14.0 * np.exp(-(((hours - 8.0) / 2.5) ** 2))
        + 22.0 * np.exp(-(((hours - 18.0) / 3.0) ** 2))
        - (6.0 if day.weekday() > 4 else 0.0)
    )
    return [round(float(value), 2) for value in shape + noise]


def real_time(day: date) -> list[float]:
    """Real-time prices: dearer than day-ahead in the evening, on the whole."""
    noise = np.random.default_rng(day.toordinal() + 7).normal(0.0, 6.0, n_periods(ZONE, day, 60))
    return [
        round(price + float(error) + (5.0 if 16 <= hour < 21 else -2.0), 2)
        for hour, (price, error) in enumerate(zip(prices(day), noise, strict=True))
    ]


def loads(day: date) -> list[float]:
    """Load forecast in MW that goes with the prices."""
    return [round(70_000.0 + 900.0 * price, 1) for price in prices(day)]


@contextmanager
def made_up_market() -> Iterator[FaultyProvider]:
    """PJM and the ECB, answering for the days that they are asked for."""
    with faulty_provider() as server:
        server.routes = {
            "/pjm/da_hrl_lmps": _answers(
                lambda days: us.pjm_body(
                    [row for day in days for row in us.pjm_price_rows(ZONE, day, prices(day))]
                )
            ),
            "/pjm/rt_hrl_lmps": _answers(
                lambda days: us.pjm_body(
                    [row for day in days for row in us.pjm_price_rows(ZONE, day, real_time(day), "rt")]
                )
            ),
            "/pjm/load_frcstd_hist": _answers(
                lambda days: us.pjm_body([row for day in days for row in _forecast(day)])
            ),
            "/pjm/load_frcstd_7_day": sends(us.pjm_body([])),
            "/ecb/EXR/D.USD.EUR.SP00.A": _answers(
                lambda days: us.ecb_body("USD", us.weekday_rates(days[0], days[-1]))
            ),
        }
        server.plan = [sends(b"", 404)]
        yield server


def _forecast(day: date) -> us.Rows:
    return us.pjm_load_rows(
        ZONE, day, loads(day), gate_closure_utc(ZONE, day) - timedelta(hours=3), is_history=True
    )


def _answers(body: Callable[[tuple[date, ...]], bytes]) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        if "startPeriod" in query:
            first, last = (date.fromisoformat(query[name][0]) for name in ("startPeriod", "endPeriod"))
        else:
            span = next(
                values[0] for name, values in query.items() if name.endswith("_ept") and "to" in values[0]
            )
            first, last = (datetime.strptime(text, "%m/%d/%Y %H:%M").date() for text in span.split("to"))  # noqa: DTZ007 - a day of the hub
        sends(body(days_between(first, last)))(handler)

    return behave


def run(folder: Path) -> dict[str, object]:
    """Run the chain in a process of its own, with its own home and settings.

    Raises:
        SystemExit: the chain failed; the end of its error output is the message.
    """
    make_home(folder / "home", settings={"zones.yaml": _SETTINGS})
    with made_up_market() as server:
        own = {
            "SPOTDESK_HOME": str(folder / "home"),
            "SPOTDESK_PJM_KEY": "made-up",
        }
        urls = {"SPOTDESK_PROVIDER_URLS": f"pjm={server.url}/pjm,ecb={server.url}/ecb"}
        command = [
            sys.executable,
            "-m",
            "desk.main",
            "run",
            "--zone",
            ZONE,
            "--source",
            "pjm",
            "--from",
            str(FIRST),
            "--to",
            str(LAST),
            "--json",
        ]
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **own, **urls}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        (row,) = json.loads(done.stdout)["zones"]
        return {**row, "requests": len(server.asked)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        row = run(Path(folder))
    n_days = len(days_between(FIRST, LAST))
    print(
        json.dumps(row, indent=2)
        if arguments.json
        else "\n".join(f"{name:<28} {value}" for name, value in row.items())
    )
    return 0 if row["forecast_days"] == row["signal_days"] == n_days and row["signals"] else 1


if __name__ == "__main__":
    sys.exit(main())
