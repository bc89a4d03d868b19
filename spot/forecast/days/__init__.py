"""The base of all forecasters: days as rows, features of a day, input ranges, normalisation, files."""
