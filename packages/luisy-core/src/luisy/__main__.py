"""The `luisy` command as ``python -m luisy``, for where its script is not on the path."""

from luisy.cli import main

if __name__ == "__main__":
    main()
