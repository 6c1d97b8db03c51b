"""Published results come back bit for bit, or not at all."""

import base64
import io
import json
import tarfile

import pytest

from dropatlas.files import sha256_of_file
from dropatlas.upkeep.archive import ArchiveError, pack, restore

TABLE = "results/quick/tables/percolation/required_width.parquet"


def record_of(target):
    """Where Snakemake keeps its record of an output."""
    return f".snakemake/metadata/{base64.urlsafe_b64encode(target.encode()).decode()}"


@pytest.fixture
def project(results):
    root = results.parents[1]
    (root / ".snakemake" / "metadata").mkdir(parents=True)
    for target in (TABLE, TABLE.replace("quick", "standard")):
        (root / record_of(target)).write_text('{"rule": "any"}')
    (results / "checkpoints").mkdir()
    (results / "checkpoints" / "big.pt").write_text("not for others")
    return root


@pytest.fixture
def archive(project, tmp_path):
    path = tmp_path / "packed.tar.gz"
    pack(project / "results" / "quick", path)
    return path


def contents(root):
    return {str(path.relative_to(root)): sha256_of_file(path) for path in root.rglob("*") if path.is_file()}


def test_results_and_their_records_come_back_as_they_were(project, archive, tmp_path):
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    assert restore(archive, fresh) == fresh / "results" / "quick"
    before, after = contents(project), contents(fresh)
    kept_back = {"results/quick/checkpoints/big.pt", record_of(TABLE.replace("quick", "standard"))}
    assert after == {name: digest for name, digest in before.items() if name not in kept_back}
    assert {TABLE, record_of(TABLE)} <= set(after)


def test_results_that_are_not_current_are_not_packed(project, tmp_path):
    (project / "results/quick/figures/percolation/width.svg").write_text("<svg>nicer</svg>")
    with pytest.raises(ArchiveError, match=r"(?s)not packed.*edited +.*width\.svg"):
        pack(project / "results" / "quick", tmp_path / "packed.tar.gz")
    assert not (tmp_path / "packed.tar.gz").exists()


def test_results_without_records_are_not_packed(project, tmp_path):
    (project / record_of(TABLE)).unlink()
    with pytest.raises(ArchiveError, match="no records of Snakemake"):
        pack(project / "results" / "quick", tmp_path / "packed.tar.gz")


def rewritten(archive, change):
    """The archive with `change(name, content)` in the place of every member; None leaves it out."""
    with tarfile.open(archive) as tar:
        members = [(member.name, tar.extractfile(member).read()) for member in tar]
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in members:
            name, content = change(name, content)
            if content is not None:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def manifest_with(name):
    """Adds a file to the manifest, and the file itself in place of a log."""

    def change(member, content):
        if member == "manifest.json":
            manifest = json.loads(content)
            manifest["files"][name] = manifest["files"].pop(TABLE)
            return member, json.dumps(manifest).encode()
        return (name if member == TABLE else member), content

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda name, content: (name, content + b"x" if name == TABLE else content), "is not what was packed"),
        (lambda name, content: (name, None if name == TABLE else content), "of its manifest is missing"),
        (lambda name, content: (name, None if name == "manifest.json" else content), "its first member is no manifest"),
        (lambda name, content: ("results/quick/tables/x" if name == TABLE else name, content), "not a file of its"),
        (manifest_with("../evil"), "unexpected"),
        (manifest_with("/tmp/evil"), "unexpected"),
        (manifest_with("src/dropatlas/evil.py"), "unexpected"),
        (manifest_with(".snakemake/metadata/evil"), "unexpected"),
    ],
)
def test_a_changed_archive_is_refused_and_leaves_nothing(archive, tmp_path, change, message):
    rewritten(archive, change)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    with pytest.raises(ArchiveError, match=message):
        restore(archive, fresh)
    assert list(fresh.iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_a_link_in_the_place_of_a_file_is_refused(archive, tmp_path):
    with tarfile.open(archive) as tar:
        members = [(member.name, tar.extractfile(member).read()) for member in tar]
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if name == TABLE:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    with pytest.raises(ArchiveError, match="is not a file of its manifest"):
        restore(archive, fresh)
    assert list(fresh.iterdir()) == []


@pytest.mark.parametrize("size", [0, 100, 1000])
def test_an_archive_cut_short_is_refused_and_leaves_nothing(archive, tmp_path, size):
    archive.write_bytes(archive.read_bytes()[:size])
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    with pytest.raises(ArchiveError, match="cut short or damaged"):
        restore(archive, fresh)
    assert list(fresh.iterdir()) == []


def test_results_that_are_there_are_kept(project, archive):
    before = contents(project)
    with pytest.raises(ArchiveError, match=r"holds results already; move them away first: mv "):
        restore(archive, project)
    assert contents(project) == before


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(ArchiveError, match=r"no archive .*none\.tar\.gz"):
        restore(tmp_path / "none.tar.gz", tmp_path)
