"""Classes from outside the tree: strategies, members and sources of installed packages."""
