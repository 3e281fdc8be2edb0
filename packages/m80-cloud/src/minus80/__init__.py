"""Freezes datasets and raw files in S3."""
