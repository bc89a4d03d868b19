"""`spotdesk benchmark`: how good the forecasts are and what they cost."""
