"""How results are shown: the console and HTML reports."""
