"""What the desk does with tables and registry, for the graph, the sensors and the command line alike.

It does not use Dagster.
"""
