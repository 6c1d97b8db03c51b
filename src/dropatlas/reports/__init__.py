"""From result tables to pages: what a notebook uses to show them, and the export to self-contained HTML."""
