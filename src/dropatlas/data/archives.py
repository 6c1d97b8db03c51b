"""Tar archives read into memory, never unpacked to disk, with every member's name checked first."""

import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath

LARGEST_CONTENT = 2 << 30
"""Bytes of content that are read at most; the largest real set here unpacks to under 200 MB."""


class DataFormatError(ValueError):
    """A file is not what its format requires; the message names the file, what is wrong and the way out."""


def check_member(member: tarfile.TarInfo, archive: Path) -> None:
    """Refuse members that could act outside of the archive's own folder.

    Nothing is unpacked here, so such a member would do no harm; but no honest archive of images holds one.

    Raises:
        DataFormatError: an absolute name, a name with `..` or a drive, a link or a special file.
    """
    path = PurePosixPath(member.name)
    unsafe = path.is_absolute() or ".." in path.parts or "\\" in member.name or PureWindowsPath(member.name).drive
    if unsafe:
        raise DataFormatError(
            f"{archive}: member {member.name!r} would leave the archive's folder; do not use this file"
        )
    if not (member.isreg() or member.isdir()):
        raise DataFormatError(f"{archive}: member {member.name!r} is a link or special file; do not use this file")


def read_members(archive: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Contents of the regular files in a tar archive (plain, gz, bz2 or xz).

    Args:
        archive: The archive.
        wanted: Tells from a member's name (without a leading `./`) whether to read it; all names are checked.

    Returns:
        Bytes by name, in the order of the archive.

    Raises:
        DataFormatError: not a readable archive, an unsafe member (see `check_member`), or too much content.
    """
    contents: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(archive, "r|*") as stream:  # one pass: seeking back in an xz stream decodes it again
            for member in stream:
                check_member(member, archive)
                name = str(PurePosixPath(member.name))
                if not member.isreg() or not wanted(name) or (content := stream.extractfile(member)) is None:
                    continue
                total += member.size
                if total > LARGEST_CONTENT:
                    raise DataFormatError(f"{archive}: holds more than {LARGEST_CONTENT:,} bytes; not a known data set")
                contents[name] = content.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataFormatError(f"{archive}: cannot be read as a tar archive ({error}); fetch it again") from error
    return contents
