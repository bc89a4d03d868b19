"""`spotdesk ingest`: a file of market data in the tidy layout into the ledger."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from desk.data.analysts import publish_tables
from desk.data.ingest_fills import ingest_fills, kind_of_report
from desk.screen.console import JsonFlag, emit, err
from resources.home.markets import REAL, MarketMemory
from resources.lake.lake import Lake
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from spot.contracts.days import first_day, last_day
from spot.contracts.raw_rows import check_raw_rows
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.contracts.tables import find_contract
from spot.errors import ConfigurationError, ContractError
from spot.market.zones import find_zone
from spot.sources.currencies import (
    EURO_SERIES,
    LOCAL_TABLE,
    RATES_TABLE,
    in_euro,
    is_converted,
    local_series,
    may_be_converted,
)
from spot.sources.files.layouts import find_layout
from spot.sources.files.market_files import parse_market_file
from spot.sources.files.tidy_files import SOURCE, parse_tidy
from spot.sources.judging.plausibility import REFUSED_SHARE, assess_plausibility
from spot.sources.judging.revisions import select_revisions
from spot.sources.judging.second_source import alone, clock_changes, disagreements
from spot.sources.parsed import REJECTED_SCHEMA, Capture, ParsedDocument


def ingest(
    file: Annotated[
        Path,
        typer.Argument(help="CSV or Parquet of docs/sources/files.md, or a report of docs/fills.md."),
    ],
    *,
    zone: Annotated[str, typer.Option("--zone", help="Bidding zone of its rows.")],
    as_json: JsonFlag = False,
) -> None:
    """Read a file of market data into the ledger, as source `files`, or a report of the exchange's fills.

    The file is judged like any live source, and plausible rows are added. The whole file is refused where it
    is damaged or more than 5 % of a table is wrong. A single refused row goes to quarantine with its reason.

    Prices in the zone's own currency (`local_currency_prices`) are kept, and converted to EUR at the
    reference rates of the ledger. A value that differs from that of an earlier file is a revision. It counts
    as known from now on, and the earlier value stays.

    A JSON file, or a CSV file with the column `reference`, reports what the exchange executed. It is compared
    at once with what was sent, and a difference raises an alert (`spotdesk fills`).

    Exit code 2: the file does not exist or is refused whole; nothing was added.

        spotdesk ingest prices.csv --zone NL
    """
    report = kind_of_report(file) if file.is_file() else None
    if report is not None:
        ingest_fills(file, report, zone, as_json=as_json)
        return
    kind = {".csv": "csv", ".parquet": "parquet"}.get(file.suffix.lower())
    if kind is None or not file.is_file():
        raise ConfigurationError(
            f"{file}: expected an existing .csv or .parquet file, or a report of fills as .json"
        )
    capture = Capture(zone=find_zone(zone).name, captured_at_utc=utc_now(), is_backfill=True)
    parsed = _parsed(file, kind, capture)
    environment = read_environment()
    memory = MarketMemory(environment.home)
    if is_market := any(_says_market(table, rows) for table, rows in parsed.tables.items()):
        memory.refuse_other(capture.zone, REAL)
    lake = make_lake(environment)
    judged = {table: (rows, *_judge(lake, table, rows, file.name)) for table, rows in parsed.tables.items()}
    _refuse_whole(parsed, judged, file.name)
    if is_market:
        memory.remember(capture.zone, REAL)
    written_rows = []
    for table, (rows, accepted, quarantined) in judged.items():
        fresh = select_revisions(
            accepted, _held(lake, table, rows), find_contract(table), capture.captured_at_utc
        )
        written = lake.append(table, fresh, source=SOURCE)
        lake.quarantine(table, quarantined, source=SOURCE)
        n_known = accepted.height - fresh.height + written.n_known
        n_quarantined = quarantined.height + written.n_quarantined
        written_rows.append(
            {
                "table": table,
                "rows": rows.height,
                "new": written.n_new,
                "known": n_known,
                "quarantined": n_quarantined,
            }
        )
    written_rows += [
        _in_euro(lake, table, capture.zone, parsed.tables[LOCAL_TABLE])
        for table in _converted(parsed.tables, capture.zone)
    ]
    lake.quarantine("file", parsed.rejected, source=SOURCE)
    _say_of_second_source(lake, parsed, capture.zone)
    publish_tables(environment)
    emit(
        written_rows,
        as_json=as_json,
        title=f"{file.name} -> {capture.zone}",
        empty="no row keeps the contract of its table",
    )


def _parsed(file: Path, kind: str, capture: Capture) -> ParsedDocument:
    """Rows of the zone from a tidy file, or from a recorded one whose layout is known by its name."""
    if kind == "csv" or find_layout(file.stem) is None:
        return parse_tidy(file.read_bytes(), kind, file.name, capture)  # type: ignore[arg-type]
    tables = parse_market_file(file.stem, _frame_of(file), zone=capture.zone)
    if not tables:
        raise ContractError(f"{file.name}: no rows of {capture.zone}")
    none = pl.DataFrame(schema=REJECTED_SCHEMA)
    return ParsedDocument(source=SOURCE, what=file.name, tables=tables, rejected=none)


def _frame_of(file: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ContractError(f"{file.name}: not a complete parquet file: {error}") from error


def _says_market(table: str, rows: pl.DataFrame) -> bool:
    """Whether the rows are market data. The desk's own curve is a price that it wants, in any market."""
    if table not in (*RAW_TABLES_OF_A_ZONE, LOCAL_TABLE):
        return False
    return "series" not in rows.columns or (rows["series"] != "reference_curve").any()


def _converted(tables: Mapping[str, pl.DataFrame], zone: str) -> list[str]:
    """EUR tables that are made of rows in another currency."""
    series = tables[LOCAL_TABLE]["series"].unique().to_list() if LOCAL_TABLE in tables else []
    euro = {EURO_SERIES[name][0] for name in series}
    return sorted(table for table in euro if is_converted(table, zone) or may_be_converted(table, zone))


def _in_euro(lake: Lake, table: str, zone: str, local: pl.DataFrame) -> dict[str, Any]:
    """The rows of the file in EUR, at the reference rates of the ledger.

    `spotdesk backfill --table exchange_rates` loads those.
    """
    held = lake.read(
        LOCAL_TABLE,
        zones=[zone],
        first_day=first_day(local),
        last_day=last_day(local),
    )
    own = held.filter(pl.col("source") == SOURCE)
    rows = in_euro(own, lake.read(RATES_TABLE, zones=[zone]), table=table, zone=zone)
    n_new = lake.append(table, rows, source=SOURCE).n_new
    n_wanted = own.filter(pl.col("series").is_in(local_series(table))).height
    return {
        "table": f"{table} (EUR)",
        "rows": n_wanted,
        "new": n_new,
        "known": rows.height - n_new,
        "without_rate": n_wanted - rows.height,
    }


def _held(lake: Lake, table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of earlier files on the same days."""
    held = lake.read(table, zones=[rows["zone"][0]], first_day=first_day(rows), last_day=last_day(rows))
    return held.filter(pl.col("source") == SOURCE)


def _say_of_second_source(lake: Lake, parsed: ParsedDocument, zone: str) -> None:
    """Say where prices disagree with another source, or stand alone on a day of a clock change."""
    rows = parsed.tables.get("day_ahead_prices")
    if rows is None or find_zone(zone).is_benchmark:
        return
    days = sorted(set(rows["delivery_day"].to_list()))
    held = lake.read("day_ahead_prices", zones=[zone], first_day=days[0], last_day=days[-1])
    held = held.filter(pl.col("delivery_day").is_in(days), pl.col("series") == "day_ahead")
    for text in disagreements(held, zone)[:5]:
        err.print(f"warning: {text}", soft_wrap=True, markup=False)
    others = set(held.filter(pl.col("source") != SOURCE)["delivery_day"].to_list())
    for day in clock_changes(zone, days):
        if day not in others:
            err.print(f"note: {alone(zone, day, SOURCE)}", soft_wrap=True, markup=False)


def _refuse_whole(
    parsed: ParsedDocument, judged: Mapping[str, tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]], name: str
) -> None:
    """Refuse the file where more than `REFUSED_SHARE` of its rows break the contract of their table.

    Raises:
        ContractError: so many rows are refused that none of the file is used.
    """
    broken = [parsed.rejected["reason"]]
    for table, (_, accepted, _) in judged.items():
        contract = find_contract(table)
        if contract.is_raw:
            broken.append(check_raw_rows(accepted, contract).rejected["reason"])
    reasons = pl.concat(broken)
    n_rows = parsed.n_rows + parsed.rejected.height
    if len(reasons) > REFUSED_SHARE * n_rows:
        raise ContractError(
            f"{name}: {len(reasons)} of {n_rows} rows break the contract of their table:"
            f" {reasons.value_counts(sort=True).head(2).rows()}; nothing of the file is used"
        )


def _judge(lake: Lake, table: str, rows: pl.DataFrame, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Plausible rows and the others. Nothing is written before every table of the file has been judged.

    Raises:
        ContractError: so much of the table is wrong that none of it is accepted.
    """
    history = lake.read(table, zones=[rows["zone"][0]]).filter(pl.col("delivery_day") < first_day(rows))
    verdict = assess_plausibility(table, rows, history)
    if verdict.is_refused:
        reasons = verdict.quarantined["reason"].value_counts(sort=True).head(2).rows()
        raise ContractError(
            f"{name}: {100 * verdict.quarantined_share:.0f} % of {table} is not plausible: {reasons};"
            " nothing of the file is used"
        )
    return verdict.accepted, verdict.quarantined
