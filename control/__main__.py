"""`python -m control --home DIR`: the control role's process."""

from control.service import run
from node.process import main

if __name__ == "__main__":
    main("control", run)
