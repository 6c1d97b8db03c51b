"""Small official-looking files, catalogues that describe them, and a server that can misbehave."""

import gzip
import hashlib
import io
import struct
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dropatlas.data import DataFile, DataSettings, DataSource


class Server:
    """A real HTTP server on loopback.

    `files` maps a path to bytes; `behaviour` maps a path to a list of functions that answer its first requests, each
    called with the handler and the bytes; later requests are answered properly. `requests` records (path, Range).
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.behaviour: dict[str, list] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments) -> None:
                pass

            def do_GET(self) -> None:
                outer.requests.append((self.path, self.headers.get("Range")))
                if self.path not in outer.files:
                    self.send_error(404)
                elif outer.behaviour.get(self.path):
                    outer.behaviour[self.path].pop(0)(self, outer.files[self.path])
                else:
                    serve(self, outer.files[self.path])

        class QuietServer(ThreadingHTTPServer):
            def handle_error(self, request, client_address) -> None:
                if not isinstance(sys.exc_info()[1], ConnectionError):  # the client hung up, as some tests want it to
                    super().handle_error(request, client_address)

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


def serve(
    handler, content: bytes, kind: str = "application/octet-stream", honour_range: bool = True, **headers
) -> None:
    start = 0
    asked = handler.headers.get("Range")
    if asked and honour_range:
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    handler.send_header("Content-Length", str(len(content) - start))
    handler.send_header("Content-Type", kind)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content[start:])


@pytest.fixture
def start_server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    servers = []

    def start() -> Server:
        servers.append(Server())
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def server(start_server) -> Server:
    return start_server()


def data_file(name: str, content: bytes, urls: list[str]) -> DataFile:
    return DataFile(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), urls=urls)


def idx_bytes(array: np.ndarray) -> bytes:
    codes = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
    header = struct.pack(">BBBB", 0, 0, codes[array.dtype.str[1:]], array.ndim) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    return gzip.compress(header + array.astype(array.dtype.newbyteorder(">")).tobytes(), mtime=0)


def norb_bytes(array: np.ndarray) -> bytes:
    magic = {"u1": 0x1E3D4C55, "i4": 0x1E3D4C54, "i2": 0x1E3D4C56, "f4": 0x1E3D4C51, "f8": 0x1E3D4C53}
    sizes = [*array.shape, *([1] * (3 - array.ndim))]
    header = struct.pack("<II", magic[array.dtype.str[1:]], array.ndim) + struct.pack(f"<{len(sizes)}I", *sizes)
    return gzip.compress(header + array.astype(array.dtype.newbyteorder("<")).tobytes(), mtime=0)


def tar_bytes(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def source(format: str, contents: dict[str, tuple[str, bytes]], urls_at: str = "http://127.0.0.1:9", **changes):
    """Catalogue entry for `contents` (role to name and bytes), whose official host is `urls_at`."""
    defaults = {
        "idx": {"title": "MNIST", "image_shape": [1, 4, 4], "train_size": 6, "test_size": 4, "classes": 2},
        "cifar10-binary": {
            "title": "CIFAR-10",
            "image_shape": [3, 32, 32],
            "train_size": 10,
            "test_size": 2,
            "classes": 2,
        },
        "cifar100-binary": {
            "title": "CIFAR-100",
            "image_shape": [3, 32, 32],
            "train_size": 3,
            "test_size": 2,
            "classes": 2,
        },
        "norb": {"title": "small NORB", "image_shape": [2, 5, 5], "train_size": 4, "test_size": 3, "classes": 5},
    }[format]
    values = {**defaults, **changes}
    names = [f"class{index}" for index in range(values.pop("classes"))]
    return DataSource(
        format=format,
        class_names=values.pop("class_names", names),
        homepage="http://127.0.0.1",
        licence="free",
        citation="nobody",
        files={role: data_file(name, content, [f"{urls_at}/{name}"]) for role, (name, content) in contents.items()},
        **values,
    )


@pytest.fixture
def mnist_contents() -> dict[str, tuple[str, bytes]]:
    random = np.random.default_rng(0)
    return {
        "train_images": ("train-i.gz", idx_bytes(random.integers(0, 256, (6, 4, 4), dtype=np.uint8))),
        "train_labels": ("train-l.gz", idx_bytes(np.array([0, 1, 1, 0, 1, 0], dtype=np.uint8))),
        "test_images": ("test-i.gz", idx_bytes(random.integers(0, 256, (4, 4, 4), dtype=np.uint8))),
        "test_labels": ("test-l.gz", idx_bytes(np.array([1, 0, 0, 1], dtype=np.uint8))),
    }


@pytest.fixture
def settings(tmp_path: Path) -> DataSettings:
    return DataSettings(
        download_directory=str(tmp_path / "downloads"),
        connect_timeout_s=1.0,
        read_timeout_s=0.3,
        attempts=3,
        backoff_s=0.01,
    )


def with_settings(settings: DataSettings, **changes) -> DataSettings:
    return DataSettings(**{**settings.model_dump(), **changes})


@pytest.fixture(scope="session")
def build() -> SimpleNamespace:
    """The builders above; test modules cannot import a conftest."""
    return SimpleNamespace(
        serve=serve,
        idx=idx_bytes,
        norb=norb_bytes,
        tar=tar_bytes,
        source=source,
        settings=with_settings,
        file=data_file,
    )
