"""The catalog's migrations, oldest first, one file each, run by `control.migrate`. One that shipped is never edited."""
