"""The books of the desk as a hash chain: records, signatures, heads and proofs, without files."""
