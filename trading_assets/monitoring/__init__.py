"""Assets that judge inputs and outputs of the models."""
