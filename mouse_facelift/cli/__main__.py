"""`python -m mouse_facelift.cli`, where no console script was installed."""

from mouse_facelift.cli.main import main

main()
