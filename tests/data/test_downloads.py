"""Downloads against a real server on loopback that misbehaves in one way per test."""

import gzip
import itertools
import logging
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from dropatlas.data import DataUnavailableError, download
from dropatlas.data.downloads import addresses

CONTENT = np.random.default_rng(1).integers(0, 256, 200_000, dtype=np.uint8).tobytes()
HALF = len(CONTENT) // 2


@pytest.fixture
def dataset(server, build):
    """A one-file set whose official host is the loopback server."""
    server.files["/x.bin"] = CONTENT
    return build.source("cifar10-binary", {"archive": ("x.bin", CONTENT)}, urls_at=server.url)


def fetched(dataset, settings) -> bytes:
    path = download("toy", dataset, settings)["archive"]
    assert list(path.parent.iterdir()) == [path], "no partial file may be left behind"
    return path.read_bytes()


def failure_reasons(dataset, settings) -> list[str]:
    with pytest.raises(DataUnavailableError) as caught:
        download("toy", dataset, settings)
    assert not (Path(settings.download_directory) / "toy" / "x.bin").exists()
    return [failure.reason for failure in caught.value.failures]


def break_after(count: int):
    """Announce everything, send `count` bytes, close the connection."""

    def answer(handler, content: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:count])
        handler.close_connection = True

    return answer


def test_well_behaved_server(dataset, server, settings):
    assert fetched(dataset, settings) == CONTENT
    assert server.requests == [("/x.bin", None)]


def test_verified_copy_is_kept_and_nothing_is_requested(dataset, server, settings):
    fetched(dataset, settings)
    server.requests.clear()
    assert fetched(dataset, settings) == CONTENT
    assert server.requests == []


def test_damaged_copy_is_replaced(dataset, settings):
    target = Path(settings.download_directory) / "toy" / "x.bin"
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    assert fetched(dataset, settings) == CONTENT


def test_broken_transfer_resumes_where_it_stopped(dataset, server, settings):
    server.behaviour["/x.bin"] = [break_after(HALF)]
    assert fetched(dataset, settings) == CONTENT
    assert server.requests == [("/x.bin", None), ("/x.bin", f"bytes={HALF}-")]


def test_partial_file_of_an_earlier_run_is_continued(dataset, server, settings):
    part = Path(settings.download_directory) / "toy" / "x.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    assert fetched(dataset, settings) == CONTENT
    assert server.requests == [("/x.bin", "bytes=1000-")]


def test_complete_partial_file_needs_no_request(dataset, server, settings):
    part = Path(settings.download_directory) / "toy" / "x.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    assert fetched(dataset, settings) == CONTENT
    assert server.requests == []


def test_wrong_partial_file_is_thrown_away_even_with_one_attempt(dataset, server, settings, build):
    part = Path(settings.download_directory) / "toy" / "x.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"\0" * 1000)
    assert fetched(dataset, build.settings(settings, attempts=1)) == CONTENT
    assert server.requests == [("/x.bin", "bytes=1000-"), ("/x.bin", None)]


def test_oversized_partial_file_is_thrown_away(dataset, server, settings):
    part = Path(settings.download_directory) / "toy" / "x.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT + b"more")
    assert fetched(dataset, settings) == CONTENT
    assert server.requests == [("/x.bin", None)]


def test_server_that_ignores_range(dataset, server, settings, build):
    server.behaviour["/x.bin"] = [
        break_after(HALF),
        lambda handler, content: build.serve(handler, content, honour_range=False),
    ]
    assert fetched(dataset, settings) == CONTENT


def test_server_that_continues_at_the_wrong_place(dataset, server, settings):
    def wrong_range(handler, content):
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes 0-{len(content) - 1}/{len(content)}")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.close_connection = True

    server.behaviour["/x.bin"] = [break_after(HALF), wrong_range]
    assert fetched(dataset, settings) == CONTENT


def test_server_that_refuses_the_range(dataset, server, settings):
    server.behaviour["/x.bin"] = [break_after(HALF), lambda handler, content: handler.send_error(416)]
    assert fetched(dataset, settings) == CONTENT
    assert server.requests[-1] == ("/x.bin", None)


def test_gzip_content_encoding_is_not_unpacked(server, settings, build):
    content = gzip.compress(b"digits" * 1000, mtime=0)
    server.files["/x.gz"] = content
    server.behaviour["/x.gz"] = [lambda handler, body: build.serve(handler, body, Content_Encoding="gzip")]
    dataset = build.source("cifar10-binary", {"archive": ("x.gz", content)}, urls_at=server.url)
    assert fetched(dataset, settings) == content


def test_server_is_asked_not_to_compress(dataset, server, settings, build):
    def compress_if_accepted(handler, content: bytes) -> None:
        if "gzip" in handler.headers.get("Accept-Encoding", ""):
            build.serve(handler, gzip.compress(content), Content_Encoding="gzip")
        else:
            build.serve(handler, content)

    server.behaviour["/x.bin"] = [compress_if_accepted]
    assert fetched(dataset, settings) == CONTENT


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_passing_trouble_is_retried(dataset, server, settings, status):
    server.behaviour["/x.bin"] = [lambda handler, content: handler.send_error(status)] * 2
    assert fetched(dataset, settings) == CONTENT
    assert len(server.requests) == 3


def test_back_off_doubles(dataset, server, settings, build, monkeypatch):
    pauses = []
    monkeypatch.setattr("dropatlas.data.downloads.time.sleep", pauses.append)
    server.behaviour["/x.bin"] = [lambda handler, content: handler.send_error(503)] * 3
    assert fetched(dataset, build.settings(settings, attempts=4, backoff_s=0.5)) == CONTENT
    assert pauses == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_lasting_refusal_is_not_retried(dataset, server, settings, status):
    server.behaviour["/x.bin"] = [lambda handler, content: handler.send_error(status)] * 3
    (reason,) = failure_reasons(dataset, settings)
    assert str(status) in reason
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        ("text/html; charset=utf-8", b"<!-- sign in first --><html>"),
        ("application/octet-stream", b"\n<!DOCTYPE html><html>"),
        ("application/octet-stream", b"<HTML>"),
    ],
)
def test_html_page_instead_of_the_file(dataset, server, settings, build, kind, page):
    server.files["/x.bin"] = page.ljust(len(CONTENT))
    server.behaviour["/x.bin"] = [lambda handler, content: build.serve(handler, content, kind=kind)]
    assert failure_reasons(dataset, settings) == ["an HTML page instead of the file"]


def test_truncated_file_on_the_server(dataset, server, settings):
    server.files["/x.bin"] = CONTENT[:HALF]
    assert failure_reasons(dataset, settings) == ["the file there has 100,000 bytes, expected 200,000"]
    assert len(server.requests) == 1


def unannounced(count: int):
    """Send the first `count` bytes without saying how many will come."""

    def answer(handler, content: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(content[:count])
        handler.close_connection = True

    return answer


def test_truncated_transfer_of_unannounced_length(dataset, server, settings):
    server.behaviour["/x.bin"] = [unannounced(HALF)]
    assert fetched(dataset, settings) == CONTENT
    assert server.requests[1] == ("/x.bin", f"bytes={HALF}-")


def test_transfer_that_always_breaks_off_gives_up(dataset, server, settings):
    server.behaviour["/x.bin"] = [unannounced(0)] * 9
    (reason,) = failure_reasons(dataset, settings)
    assert reason == "ended after 0 of 200,000 bytes (attempts: 3)"


def test_file_that_is_too_long(dataset, server, settings):
    server.files["/x.bin"] = CONTENT + b"more"
    server.behaviour["/x.bin"] = [unannounced(len(CONTENT) + 4)]
    assert failure_reasons(dataset, settings) == ["the file there has more than the expected 200,000 bytes"]


def test_wrong_checksum(dataset, server, settings):
    server.files["/x.bin"] = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    (reason,) = failure_reasons(dataset, settings)
    assert reason.startswith("sha256 is ")
    assert len(server.requests) == 1


def test_partial_file_of_a_wrong_mirror_does_not_spoil_the_official_host(
    dataset, server, settings, build, start_server
):
    mirror = start_server()
    mirror.files["/toy/x.bin"] = bytes(len(CONTENT))
    mirror.behaviour["/toy/x.bin"] = [break_after(HALF)]
    assert fetched(dataset, build.settings(settings, mirrors_first=[mirror.url], attempts=1)) == CONTENT
    assert server.requests == [("/x.bin", f"bytes={HALF}-"), ("/x.bin", None)]


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def test_dead_first_mirror_is_tried_for_one_file_only(server, settings, build, mnist_contents):
    for name, content in mnist_contents.values():
        server.files[f"/{name}"] = content
    dataset = build.source("idx", mnist_contents, urls_at=server.url)
    settings = build.settings(settings, mirrors_first=[f"http://127.0.0.1:{closed_port()}"], backoff_s=0.2)
    started = time.monotonic()
    paths = download("toy", dataset, settings)
    assert {role: path.read_bytes() for role, path in paths.items()} == {
        role: content for role, (_, content) in mnist_contents.items()
    }
    assert time.monotonic() - started < 2 * (0.2 + 0.4), "the dead mirror was waited for more than once"


def stall(server, after: int):
    def answer(handler, content: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:after])
        handler.wfile.flush()
        server.released.wait(10)

    return answer


def test_stalled_connection_is_dropped_and_resumed(dataset, server, settings):
    server.behaviour["/x.bin"] = [stall(server, HALF)]
    started = time.monotonic()
    assert fetched(dataset, settings) == CONTENT
    assert time.monotonic() - started < 3
    assert server.requests[1] == ("/x.bin", f"bytes={HALF}-")


def test_server_that_never_answers(dataset, server, settings):
    server.behaviour["/x.bin"] = [lambda handler, content: server.released.wait(10)] * 9
    assert failure_reasons(dataset, settings) == ["no answer within 0.3 s (attempts: 3)"]


def test_dripping_server_counts_as_stalled(dataset, server, settings, build):
    def drip(handler, content: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        for index in itertools.count():
            if server.released.wait(0.05):
                return
            handler.wfile.write(content[index : index + 1])
            handler.wfile.flush()

    server.behaviour["/x.bin"] = [drip]
    (reason,) = failure_reasons(dataset, build.settings(settings, attempts=1))
    assert "under 100 bytes per second" in reason


def test_mirrors_surround_the_official_hosts(dataset, server, settings, build):
    settings = build.settings(settings, mirrors_first=["https://a/"], mirrors_last=["file:///b"])
    assert addresses("toy", dataset.files["archive"], settings) == [
        ["https://a/toy/x.bin", "https://a/x.bin"],
        [f"{server.url}/x.bin"],
        ["file:///b/toy/x.bin", "file:///b/x.bin"],
    ]


@pytest.mark.parametrize("folder", ["toy", "."])
def test_file_mirror(dataset, server, settings, build, tmp_path, folder):
    (tmp_path / "my mirror" / folder).mkdir(parents=True)
    (tmp_path / "my mirror" / folder / "x.bin").write_bytes(CONTENT)
    settings = build.settings(settings, mirrors_first=[(tmp_path / "my mirror").as_uri()])
    assert fetched(dataset, settings) == CONTENT
    assert server.requests == []


def test_damaged_file_mirror_gives_way_to_the_official_host(dataset, settings, build, tmp_path, caplog):
    (tmp_path / "x.bin").write_bytes(CONTENT[:-5])
    settings = build.settings(settings, mirrors_first=[tmp_path.as_uri()])
    with caplog.at_level(logging.WARNING, "dropatlas"):
        assert fetched(dataset, settings) == CONTENT
    assert "size is 199,995 bytes, expected 200,000" in caplog.text


def test_damaged_file_mirror_costs_no_partial_download(dataset, server, settings, build, tmp_path):
    (tmp_path / "x.bin").write_bytes(bytes(len(CONTENT)))
    part = Path(settings.download_directory) / "toy" / "x.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    assert fetched(dataset, build.settings(settings, mirrors_first=[tmp_path.as_uri()])) == CONTENT
    assert server.requests == [("/x.bin", "bytes=1000-")]


def test_last_mirror_serves_when_the_official_host_fails(dataset, server, settings, build, tmp_path):
    (tmp_path / "x.bin").write_bytes(CONTENT)
    server.files.clear()
    assert fetched(dataset, build.settings(settings, mirrors_last=[tmp_path.as_uri()])) == CONTENT


def test_message_names_every_place_and_the_ways_out(dataset, server, settings, build, tmp_path):
    server.files.clear()
    dead = f"http://127.0.0.1:{closed_port()}"
    settings = build.settings(settings, mirrors_first=[tmp_path.as_uri()], mirrors_last=[dead])
    with pytest.raises(DataUnavailableError) as caught:
        download("toy", dataset, settings)
    message = str(caught.value)
    assert f"{tmp_path.as_uri()}/toy/x.bin: no such file" in message
    assert f"{server.url}/x.bin: HTTP 404" in message
    assert f"{dead}/toy/x.bin: no connection" in message
    assert "(attempts: 3)" in message
    for way_out in ("DROPATLAS_OFFLINE_DIRECTORY", "DROPATLAS_MIRRORS", "toy/train/<class>/*", "x.bin", "--keep-going"):
        assert way_out in message


def test_progress_is_logged(dataset, settings, monkeypatch, caplog):
    monkeypatch.setattr("dropatlas.data.downloads.LOG_EVERY_S", 0.0)
    with caplog.at_level(logging.INFO, "dropatlas"):
        fetched(dataset, settings)
    assert any("of 0.2 MB" in line and "MB/s" in line for line in caplog.messages)
    assert "x.bin: verified, from http://127.0.0.1" in caplog.messages[-1]
