"""The making of a file by a recipe, in a child process."""
