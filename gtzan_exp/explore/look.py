"""The exploration of tracks or of a whole data set, recorded as a page."""

from gtzan_exp.explore.data_sections import read_data
from gtzan_exp.explore.settings import Look
from gtzan_exp.explore.track_sections import read_tracks
from gtzan_exp.report.page import free_folder
from gtzan_exp.tracking.record import RecordedPage, recorded_page


def explore(look: Look) -> RecordedPage:
    """Explore tracks or a whole data set, and record the page as a run."""
    settings = look.settings
    folder = free_folder(settings.output)
    report = read_tracks(look) if settings.of_tracks else read_data(look)
    name, tags = settings.name, settings.tags
    return recorded_page("explore", report, look.tracking, folder, name, look.params, tags)
