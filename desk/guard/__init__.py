"""The guard before the UI: who may reach it, from which page, and what each may do."""
