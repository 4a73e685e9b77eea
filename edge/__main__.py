"""`python -m edge`: one worker of the edge."""

from edge.service import run
from node.process import main

if __name__ == "__main__":
    main("edge", run)
