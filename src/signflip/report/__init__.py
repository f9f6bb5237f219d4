"""What a sweep found, drawn: figures, tables, one page."""
