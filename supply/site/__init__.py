"""The docs site: pages of the project and a reference made from code, as one folder for Zensical.

`make docs` builds it. `pages` gathers the pages, `commands`, `tables`, `settings` and `graph` write the
reference.
"""
