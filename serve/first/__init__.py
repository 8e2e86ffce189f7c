"""What Python runs first in the processes of Ray: this folder is on their PYTHONPATH."""
