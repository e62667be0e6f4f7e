"""The forms that results are written in: a file a format, and one table of them (`table.FORMATS`)."""
