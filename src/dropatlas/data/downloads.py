"""Downloads that resume, retry, verify and are either whole or absent."""

import logging
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests
import urllib3

from dropatlas.data.catalog import DataFile, DataSource
from dropatlas.data.settings import DataSettings

logger = logging.getLogger("dropatlas")

CHUNK = 1 << 16
LOG_EVERY_S = 5.0
SLOWEST = 100
"""Bytes per second below which a transfer counts as stalled, so that a dripping server cannot hold a job."""

TRANSIENT_STATUS = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Failure:
    """One place a file was looked for, and why it could not be had there."""

    place: str
    reason: str


class DataUnavailableError(RuntimeError):
    """A data set cannot be had; the message says where it was looked for, what failed, and what the user can do."""

    def __init__(self, name: str, source: DataSource, failures: list[Failure]) -> None:
        files = ", ".join(file.name for file in source.files.values())
        tried = "\n".join(f"  - {failure.place}: {failure.reason}" for failure in failures)
        super().__init__(
            f"{source.title} is not available.\n"
            f"Looked for it at:\n{tried}\n"
            "What you can do:\n"
            f"  - put the official files ({files}) into a folder, or into its subfolder {name}/, and name that folder "
            "as data.sources.offline_directory or in the environment variable DROPATLAS_OFFLINE_DIRECTORY\n"
            f"  - or put the images there as {name}/train/<class>/* and {name}/test/<class>/* (PNG or JPEG); results "
            "are then labelled as not official\n"
            "  - or name a mirror in data.sources.mirrors_first or DROPATLAS_MIRRORS (https://... or file://...)\n"
            "  - or run again when the network is back: a download goes on where it stopped\n"
            "Everything that does not need this set still runs with --keep-going."
        )
        self.failures = failures


class _RefusedError(Exception):
    """This address will not give the file; trying again is pointless."""


class _AbsentError(_RefusedError):
    """This address has no such file; the same mirror may have it under its other address."""


class _TransientError(Exception):
    """The transfer failed in a way that may pass."""


def download(name: str, source: DataSource, settings: DataSettings) -> dict[str, Path]:
    """Make sure that verified copies of a set's official files are in the download directory.

    A file that is already there and verifies is kept. Otherwise the mirrors and official hosts are tried in order,
    each up to `settings.attempts` times; a partial file (`<name>.part`) is continued, from another host too.

    Args:
        name: Name of the set, the subfolder of the download directory.
        source: Its catalogue entry.
        settings: Mirrors, folders and timeouts.

    Returns:
        Path of each file by role.

    Raises:
        DataUnavailableError: a file could not be had from any place.
        OSError: the download directory cannot be written.
    """
    directory = Path(settings.download_directory).expanduser() / name
    directory.mkdir(parents=True, exist_ok=True)
    with requests.Session() as session:
        client = _Client(session, settings)
        return {role: client.fetch(name, source, file, directory) for role, file in source.files.items()}


def addresses(name: str, file: DataFile, settings: DataSettings) -> list[list[str]]:
    """Places in the order they are tried; the further addresses of a place are for when the first has no such file."""

    def at_mirror(base: str) -> list[str]:
        return [f"{base.rstrip('/')}/{name}/{file.name}", f"{base.rstrip('/')}/{file.name}"]

    first, last = map(at_mirror, settings.mirrors_first), map(at_mirror, settings.mirrors_last)
    return [*first, *([url] for url in file.urls), *last]


class _Client:
    """One connection pool and the memory of which hosts have been given up."""

    def __init__(self, session: requests.Session, settings: DataSettings) -> None:
        self._session = session
        self._settings = settings
        self._given_up: dict[str, str] = {}

    def fetch(self, name: str, source: DataSource, file: DataFile, directory: Path) -> Path:
        target = directory / file.name
        if target.exists():
            if (problem := file.problem(target)) is None:
                return target
            logger.warning("%s: the copy in %s is damaged (%s); fetching it again", source.title, directory, problem)
        part = directory / f"{file.name}.part"
        failures: list[Failure] = []
        for place in addresses(name, file, self._settings):
            for url in place:
                try:
                    self._fetch_with_retries(url, file, part)
                except _RefusedError as refusal:
                    logger.warning("%s: %s: %s", file.name, url, refusal)
                    failures.append(Failure(url, str(refusal)))
                    if isinstance(refusal, _AbsentError):
                        continue
                    break
                part.replace(target)
                logger.info("%s: verified, from %s", file.name, url)
                return target
        raise DataUnavailableError(name, source, failures)

    def _fetch_with_retries(self, url: str, file: DataFile, part: Path) -> None:
        """Leave a verified file at `part`, or raise _RefusedError."""
        host = urlsplit(url).netloc
        if host in self._given_up:
            raise _RefusedError(f"not tried again after: {self._given_up[host]}")
        failed_attempts, restarted = 0, False
        while True:
            resumed = part.exists()
            try:
                if url.startswith("file://"):
                    _copy(url, file, part)
                else:
                    self._transfer(url, file, part)
            except _TransientError as failure:
                failed_attempts += 1
                if failed_attempts == self._settings.attempts:
                    self._given_up[host] = str(failure)
                    raise _RefusedError(f"{failure} (attempts: {failed_attempts})") from failure
                pause = self._settings.backoff_s * 2 ** (failed_attempts - 1)
                logger.info("%s: %s; trying again in %.3g s", file.name, failure, pause)
                time.sleep(pause)
                continue
            if (problem := file.problem(part)) is None:
                return
            part.unlink()
            if not resumed or restarted:
                raise _RefusedError(problem)
            logger.info("%s: %s after a partial file was continued; starting over", file.name, problem)
            restarted = True

    def _transfer(self, url: str, file: DataFile, part: Path) -> None:
        """Bring `part` to the expected size over HTTP."""
        have = part.stat().st_size if part.exists() else 0
        if have > file.size:
            part.unlink()
            have = 0
        if have == file.size:
            return
        # "identity", and the raw stream below: a server that calls a .gz file "Content-Encoding: gzip" would
        # otherwise have it unpacked on the way.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        timeout = (self._settings.connect_timeout_s, self._settings.read_timeout_s)
        try:
            response = self._session.get(url, headers=headers, stream=True, timeout=timeout)
        except requests.ConnectTimeout as error:
            raise _TransientError(f"no connection within {self._settings.connect_timeout_s:g} s") from error
        except requests.ReadTimeout as error:
            raise _TransientError(f"no answer within {self._settings.read_timeout_s:g} s") from error
        except requests.ConnectionError as error:
            raise _TransientError(f"no connection ({_root_cause(error)})") from error
        except requests.RequestException as error:
            raise _RefusedError(f"{type(error).__name__}: {error}") from error
        with response:
            offset = _accepted_offset(response, have, file, part)
            with part.open("ab" if offset else "wb") as stream:
                for chunk in _chunks(response, file, offset, self._settings.read_timeout_s):
                    stream.write(chunk)


def _accepted_offset(response: requests.Response, have: int, file: DataFile, part: Path) -> int:
    """Position at which the answer's bytes belong, after checking that it is an answer with the file's bytes."""
    status = response.status_code
    if status == 416:
        part.unlink(missing_ok=True)
        raise _TransientError("the server cannot continue the partial file")
    if status in TRANSIENT_STATUS:
        raise _TransientError(f"HTTP {status} {response.reason}")
    if status in {404, 410}:
        raise _AbsentError(f"HTTP {status} {response.reason}")
    if status not in {200, 206}:
        raise _RefusedError(f"HTTP {status} {response.reason}")
    if "html" in response.headers.get("Content-Type", "").lower():
        raise _RefusedError("an HTML page instead of the file")
    if status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        part.unlink(missing_ok=True)
        raise _TransientError(
            f"the server continued at {response.headers.get('Content-Range')!r} instead of byte {have}"
        )
    offset = have if status == 206 else 0
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and offset + int(length) != file.size:
        raise _RefusedError(f"the file there has {offset + int(length):,} bytes, expected {file.size:,}")
    return offset


def _chunks(response: requests.Response, file: DataFile, offset: int, timeout: float) -> Iterator[bytes]:
    """Yield the body; raise when it is a page, stalls, breaks off or goes on beyond the expected size."""
    position, started = offset, time.monotonic()
    window_start, window_position, logged = started, position, started
    while True:
        try:
            chunk = response.raw.read1(CHUNK, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise _TransientError(
                f"stalled at {position:,} of {file.size:,} bytes: no data for {timeout:g} s"
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _TransientError(f"broke off at {position:,} of {file.size:,} bytes ({_root_cause(error)})") from error
        if not chunk:
            break
        if position == 0 and chunk.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
            raise _RefusedError("an HTML page instead of the file")
        position += len(chunk)
        if position > file.size:
            raise _RefusedError(f"the file there has more than the expected {file.size:,} bytes")
        yield chunk
        now = time.monotonic()
        if now - window_start >= timeout:
            if position - window_position < SLOWEST * timeout:
                raise _TransientError(
                    f"stalled at {position:,} of {file.size:,} bytes: under {SLOWEST} bytes per second"
                )
            window_start, window_position = now, position
        if now - logged >= LOG_EVERY_S:
            logged = now
            rate = (position - offset) / (now - started)
            logger.info(
                "%s: %.1f of %.1f MB (%.0f %%), %.2f MB/s",
                *(file.name, position / 1e6, file.size / 1e6, 100 * position / file.size, rate / 1e6),
            )
    if position < file.size:
        raise _TransientError(f"ended after {position:,} of {file.size:,} bytes")


def _copy(url: str, file: DataFile, part: Path) -> None:
    """Bring `part` from a `file://` address; a partial download is only given up for a copy that verifies."""
    origin = Path(unquote(urlsplit(url).path))
    if not origin.is_file():
        raise _AbsentError("no such file")
    try:
        if (problem := file.problem(origin)) is not None:
            raise _RefusedError(problem)
        shutil.copyfile(origin, part)
    except PermissionError as error:
        raise _RefusedError(str(error)) from error


def _root_cause(error: BaseException) -> str:
    """The innermost message; requests and urllib3 wrap it several times."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__
