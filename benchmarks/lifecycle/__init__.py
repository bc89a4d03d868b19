"""How models are watched, promoted and switched."""
