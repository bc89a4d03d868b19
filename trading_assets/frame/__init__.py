"""What every asset is made with: how it is declared, what it reads, and which of its days have rows."""
