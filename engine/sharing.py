"""What a worker does with the artifact store: fetches what a run has, and uploads while it trains and at its end."""

import logging
import os
import threading
import time

from store import listing
from store.database import Database
from store.errors import LeaseLost, RequestError, SharingTrouble
from store.names import RunName
from store.records import Claim
from store.sharing.download import Downloader
from store.sharing.upload import Uploader

PERIOD_VARIABLE = "AETUI_SHARE_S"
PERIOD_S = 15.0
"""Between uploads of a run that trains: what another host loses should this one disappear."""
RETRY_S = 5.0

log = logging.getLogger("aetui")


class Sharing:
    """The artifact store as one attempt uses it; without one, every call does nothing.

    A thread uploads, so that training waits for the network only at its end.
    """

    def __init__(self, database: Database, claim: Claim, leaving: threading.Event) -> None:
        self._database = database
        self._claim = claim
        self._leaving = leaving
        self._downloader = Downloader(database)
        self._uploader = Uploader(database) if database.artifacts is not None else None
        self._period_s = float(os.environ.get(PERIOD_VARIABLE, PERIOD_S))
        self._has_news = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def fetch(self) -> None:
        """Bring the run's folder up to what any host's attempt has uploaded.

        Raises:
            SharingTrouble: the artifact store does not answer, or what it holds is damaged.
            NoRoom: the disk is full.
        """
        self._downloader.fetch_of(self._claim.name, self._claim.trial_id, with_weights=True)

    def fetch_start(self, start_from: str | None) -> None:
        """As `fetch`, of the run that this one starts from.

        Raises:
            RequestError: that run is absent.
        """
        if start_from is not None and self._uploader is not None:
            run = listing.run(self._database, RunName.parse(start_from))
            self._downloader.fetch(run, with_weights=True)

    def epoch_done(self) -> None:
        """Upload what there is as soon as it is due."""
        if self._uploader is None:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sharing", daemon=True)
            self._thread.start()
        self._has_news.set()

    def settle(self, *, is_patient: bool) -> None:
        """Upload all that is left, again and again until it is done; where not ``is_patient``, once if that works.

        Raises:
            LeaseLost: the run is no longer this attempt's.
            SharingTrouble: the worker was told to go before the artifact store answered.
        """
        self.close()
        if self._uploader is None:
            return
        while True:
            try:
                self._uploader.of_attempt(self._claim)
                return
            except SharingTrouble as error:
                log.warning("%s", error)
                if not is_patient:
                    return
                if self._leaving.wait(RETRY_S):
                    raise

    def settle_ended(self) -> None:
        """Upload what was written down after the run's end, if that works."""
        if self._uploader is None:
            return
        try:
            self._uploader.of_run(listing.run(self._database, self._claim.name))
        except RequestError as error:
            log.warning("%s", error)

    def close(self) -> None:
        """End the thread, after what it is uploading."""
        self._closing.set()
        self._has_news.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        assert self._uploader is not None
        is_told = False
        while True:
            self._has_news.wait()
            if self._closing.is_set():
                return
            self._has_news.clear()
            began = time.monotonic()
            try:
                self._uploader.of_attempt(self._claim)
                is_told = False
            except LeaseLost:
                return  # the training hears of it from the heart
            except Exception as error:  # the next one may go well, and the last one tells
                if not is_told:
                    log.warning("nothing is shared just now: %s", error)
                is_told = True
                self._has_news.set()
            if self._closing.wait(max(0.0, self._period_s - (time.monotonic() - began))):
                return
