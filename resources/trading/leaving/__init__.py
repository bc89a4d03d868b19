"""How a message leaves: from a small process of its own, which a halt ends before it acknowledges."""
