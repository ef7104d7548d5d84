"""The two kinds of trouble that ``store`` and ``engine`` report to whoever called them."""


class RequestError(ValueError):
    """The request was wrong: one sentence that says what, and what to do. The command line exits with 2."""


class LeaseLost(Exception):
    """This worker's attempt is outdated: another has taken the run over, so nothing more may be written."""
