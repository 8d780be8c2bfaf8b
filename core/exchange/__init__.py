"""Rows as CSV files, in and out: with the rights of whoever asks, all of a file or nothing."""
