"""The two kinds of trouble that ``store`` and ``engine`` report to whoever called them."""


class RequestError(ValueError):
    """The request was wrong: one sentence that says what, and what to do. The command line exits with 2."""


class StorageTrouble(RequestError):
    """The storage cannot be used as it is, by nobody: it is damaged, may not be written, or its disk is full."""


class StorageAway(StorageTrouble):
    """The storage's server does not answer, or no longer: it may again, by itself."""


class SharingTrouble(StorageTrouble):
    """The artifact store that files are shared through does not answer or does not hold what it should."""


class OlderStorage(StorageTrouble):
    """An older Optuna made its tables: they can be brought up to date, which a user is to ask for."""


class NoRoom(StorageTrouble):
    """The disk (or the user's share of it) is full: what was to be written is not, what was there is whole."""


class LeaseLost(Exception):
    """This worker's attempt is outdated: another has taken the run over, so nothing more may be written."""
