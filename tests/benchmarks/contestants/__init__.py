"""Who is timed: each a program that syncs the whole account once into a folder.

All take the same flags and print one JSON line: see `contest.py`.
"""
