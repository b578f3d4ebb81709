import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the worlds and victims that these tests share
