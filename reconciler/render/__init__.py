"""Plans and results for people and programs: one module a format, all of them pure."""
