from ingest.remux.service import run
from node.process import main

if __name__ == "__main__":
    main("remux", run)
