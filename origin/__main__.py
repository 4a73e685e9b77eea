from node import process
from origin.service import run

if __name__ == "__main__":
    process.main("origin", run)
