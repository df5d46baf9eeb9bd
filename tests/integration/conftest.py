import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))  # as when a benchmark is run by its path
sys.path.append(str(Path(__file__).parent))  # for what several modules share
