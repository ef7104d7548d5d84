"""Sharing the files of runs between hosts, through an artifact store of Optuna's: a shared folder, or S3.

Every host keeps whole run folders under its own root and trains into them as if it were alone. Whoever changed a run's
files uploads them (`upload`), whoever wants to see them, or to go on with the run, fetches them first (`download`).
Which object holds which file stands in the storage (`ledger`): a set of files is changed there in one transaction, so
that nobody ever sees half of an upload.
"""
