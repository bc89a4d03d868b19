"""Who somebody is, and what they may do: for the UI, the trader's screen, MLflow and the command line."""
