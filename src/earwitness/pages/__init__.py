"""Pages that people look at: a recording's report in one file, and the parts that it shares with the served page."""
