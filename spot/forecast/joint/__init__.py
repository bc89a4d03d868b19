"""Prices of a day as a whole: paths over its units, and over zones, from quantiles per unit."""
