"""Programs that sync one account once, each by its own means; the benchmark times them.

They share no code, because some run in other virtual environments. All are called as
`SCRIPT --url URL --token TOKEN --folder FOLDER --connections N`, sync into files in FOLDER, and
print one line of JSON: `seconds` of the sync alone, `peak_mb` of the process, and `rows`, the
products, features and tests that are in the database afterwards.
"""
