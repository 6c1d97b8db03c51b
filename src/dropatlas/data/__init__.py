"""Data sets: catalogue, download, offline use, official formats, prepared form, embedded sets, status.

Use from outside: `load_catalog`, `DataSettings.resolve`, `prepare`, `load`, `validation_split`,
`channel_statistics`, `digits5k`, `shapes10`, `data_status`.
"""

from dropatlas.data.archives import DataFormatError
from dropatlas.data.catalog import DataFile, DataSource, load_catalog
from dropatlas.data.dataset import DataSet, content_sha256, load, save
from dropatlas.data.downloads import DataUnavailableError, download
from dropatlas.data.embedded import EMBEDDED, digits5k, shapes10
from dropatlas.data.prepared import prepare
from dropatlas.data.settings import DataSettings
from dropatlas.data.sources import ImageFiles, OfficialFiles, obtain
from dropatlas.data.splits import channel_statistics, normalise, stratified_split, validation_split
from dropatlas.data.status import Status, data_status

__all__ = [
    "EMBEDDED",
    "DataFile",
    "DataFormatError",
    "DataSet",
    "DataSettings",
    "DataSource",
    "DataUnavailableError",
    "ImageFiles",
    "OfficialFiles",
    "Status",
    "channel_statistics",
    "content_sha256",
    "data_status",
    "digits5k",
    "download",
    "load",
    "load_catalog",
    "normalise",
    "obtain",
    "prepare",
    "save",
    "shapes10",
    "stratified_split",
    "validation_split",
]
