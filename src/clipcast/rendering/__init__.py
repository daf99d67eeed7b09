"""Work on media files: what a file is, and its picture. Everything that reads a stranger's file does so in a child."""
