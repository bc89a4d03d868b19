"""Seeded mutations of recorded days: a sample of what `benchmarks/provider_faults.py` measures in full."""

from pathlib import Path

import pytest

from benchmarks.provider_mutations import MUST_ALL_BE_CAUGHT, MUTATIONS, run_mutations


@pytest.mark.market_data
def test_broken_documents_do_not_get_through(market_data_dir: Path) -> None:
    tried, escapes = run_mutations(market_data_dir, 2 * len(MUTATIONS), seed=20261102)
    assert set(tried) == set(MUTATIONS)
    assert not [escape for escape in escapes if escape.kind in MUST_ALL_BE_CAUGHT]
    assert len(escapes) <= 1
