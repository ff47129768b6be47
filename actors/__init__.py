"""The running system, an actor a file. Start reading at `messages.py`, then `scheduler.py`."""
