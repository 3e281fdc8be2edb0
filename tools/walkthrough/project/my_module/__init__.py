"""A small pipeline on real temperatures: Seattle and San Francisco, every hour of 2010."""
