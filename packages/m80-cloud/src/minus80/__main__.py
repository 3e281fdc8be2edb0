"""``python -m minus80``."""

from minus80.cli import main

main()
