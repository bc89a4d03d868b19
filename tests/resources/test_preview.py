"""The preview of an asset in the UI shows what a person looks for."""

import polars as pl

from resources.pictures.asset_metadata import preview


def test_a_preview_shows_side_volume_and_price_before_hashes() -> None:
    hashes = {f"hash_{number}": ["0" * 64] for number in range(9)}
    said = {"side": ["buy"], "volume_mw": [2.5], "limit_price_eur_per_mwh": [41.0], "empty": [None]}
    text = str(preview(pl.DataFrame({**hashes, "zone": ["SK"], **said})).value)
    heading, _, row = text.splitlines()
    assert heading.startswith("| zone | side | volume_mw | limit_price_eur_per_mwh | hash_0 |")
    assert row.startswith("| SK | buy | 2.50 | 41.00 |")
    assert "empty" not in heading


def test_an_empty_table_says_so() -> None:
    assert preview(pl.DataFrame({"zone": []}, schema={"zone": pl.String})).value == "no rows"
