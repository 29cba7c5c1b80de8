"""The scan of the data directory.

`listing` says what lies there, `examine` what is to be said of one dataset's directory, `reconcile`
decides what of it the tables take, `scan` does that for a whole organization.
"""
