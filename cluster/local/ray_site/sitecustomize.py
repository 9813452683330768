"""Python reads this first in each of Ray's processes: their environment names this folder, see `supervisor`.

Ray imports these two only where they are installed and uses neither here, and some twenty of its processes start one
after the other on a few cores. jsonschema compiles a whole grammar to check addresses, half the CPU time of
`import ray`; Serve would encode data frames.
"""

import sys

sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # importing it is then an ImportError
sys.modules["pandas"] = None  # type: ignore[assignment]
