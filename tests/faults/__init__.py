"""The fault programme: each fault is tried on real processes, and one oracle judges all of them.

A fault is a function in `kinds/`; `programme.py` lists them, `trial.py` is what one attempt works
with, `oracle.py` says what must hold afterwards, `inside*.py` are what is done inside a process.
`test_faults.py` tries some of them in the default suite and all of them at length in
`make faults`, and `report.py` makes the table of docs/reliability.md of what was seen.
"""
