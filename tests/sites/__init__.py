"""Sites that no one here wrote, used through the installed program."""
