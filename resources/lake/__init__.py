"""The lake: Delta tables on disk or S3, their checksums, and reads by zone."""
