"""The exceptions of earwitness: every message names the file or value and says what to do next."""


class EarwitnessError(Exception):
    """Any failure that earwitness foresees; catch this one to catch them all."""


class AudioError(EarwitnessError):
    """A recording cannot be found, read or used."""


class WeightsError(EarwitnessError):
    """Encoder weights are unknown, missing, damaged or do not fit."""


class LicenceError(EarwitnessError):
    """A licence has not been accepted, or the acceptance cannot be recorded."""


class DatasetError(EarwitnessError):
    """A data set is unknown, missing, incomplete, damaged or not laid out as expected."""


class DownloadError(WeightsError, DatasetError):
    """A published file cannot be fetched, stored or unpacked, or is not what was published.

    It is an error of weights and of data sets, because both are fetched in the same way.
    """


class WordError(EarwitnessError):
    """A word cannot be understood: empty, too long, or not in English letters."""


class PlaceError(EarwitnessError):
    """A file of place knowledge is not usable."""


class SettingsError(EarwitnessError):
    """A setting is unknown, of the wrong type or out of range."""


class OutputError(EarwitnessError):
    """Results cannot be written or read back."""


class ArchiveError(EarwitnessError):
    """A store of an archive is missing, damaged, of another make, or cannot be written."""


class AnnotationError(EarwitnessError):
    """Annotations or estimates cannot be read, or do not fit each other."""


class ServerError(EarwitnessError):
    """The server cannot start."""


class MissingExtraError(EarwitnessError):
    """An optional dependency is needed; the message names the extra that brings it."""
