"""`transformers serve`, also where torchvision was built for another torch: what it is given is the command line.

Run as a program: transformers knows nothing of our guard, and cannot be imported there without it.
"""

import sys

from rag_reasoner.torchvision_guard import guard

if __name__ == "__main__":
    guard()
    from transformers.cli.transformers import main

    sys.exit(main())
