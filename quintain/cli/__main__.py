"""``python -m quintain.cli``: the command where its script is not on the path."""

from quintain.cli.app import main

if __name__ == "__main__":
    main()
