"""What strategies earn, and whether their risk figures hold."""
