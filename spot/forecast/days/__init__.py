"""What all forecasters stand on: days as rows, features of a day, input ranges, normalisation, files."""
