"""What keeps a desk from growing for ever: old runs and captured bodies removed, sizes measured."""
