"""The files of the reference directory, and the generations that they hold."""
