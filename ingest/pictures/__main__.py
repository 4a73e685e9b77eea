import os

from ingest.pictures.service import run
from node.process import main

if __name__ == "__main__":
    os.nice(5)  # viewers and publishers come first
    main("pictures", run)
