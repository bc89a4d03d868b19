"""Everything that starts a run or reacts to one."""
