"""`python -m signflip`: the command line."""

from signflip.cli import main

if __name__ == "__main__":
    main()
