"""Plans: CSV files with one post per row, which become posts together or not at all."""
