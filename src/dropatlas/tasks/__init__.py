"""Entry points of the rules: each module makes one result and is run as `python -m dropatlas.tasks.<...>`."""
