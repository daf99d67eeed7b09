"""The lengths of names that people give to folders of clips."""

FOLDER_MAX = 200
