"""What tests and benchmarks share: made-up rows, documents, servers, panels."""
