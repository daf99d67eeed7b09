"""Examination of uploaded media files: their facts and a thumbnail. Only child processes read the files."""
