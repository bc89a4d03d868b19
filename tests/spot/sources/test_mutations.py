"""Seeded mutations of recorded days: a sample of what `benchmarks.faults.provider_faults` measures."""

from pathlib import Path

import pytest

from benchmarks.planted.provider_mutations import MUST_ALL_BE_CAUGHT, MUTATIONS, run_mutations
from benchmarks.planted.us_mutations import MUTATIONS as US_MUTATIONS
from benchmarks.planted.us_mutations import run_us_mutations
from spot.errors import ContractError
from tests.support.us_bodies import us_bodies


@pytest.mark.market_data
def test_broken_documents_do_not_get_through(market_data_dir: Path) -> None:
    tried, escapes = run_mutations(market_data_dir, 2 * len(MUTATIONS), seed=20261102)
    assert set(tried) == set(MUTATIONS)
    assert not [escape for escape in escapes if escape.kind in MUST_ALL_BE_CAUGHT]
    assert len(escapes) <= 1


@pytest.mark.market_data
def test_broken_us_documents_do_not_get_through(market_data_dir: Path) -> None:
    tried, escapes = run_us_mutations(market_data_dir, 2 * len(US_MUTATIONS), seed=20261103)
    assert set(tried) == set(US_MUTATIONS)
    assert not escapes


@pytest.mark.parametrize("at", range(7))
def test_a_us_document_cut_anywhere_is_refused(at: int) -> None:
    parse, body = us_bodies()[at]
    assert parse(body).n_rows > 20
    for n_bytes in range(0, len(body), 211):
        with pytest.raises(ContractError):
            parse(body[:n_bytes])
