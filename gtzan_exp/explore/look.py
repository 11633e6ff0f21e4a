"""The exploration: read, open a run, plot, write the page and the numbers, record."""

from gtzan_exp.explore.data_sections import read_data
from gtzan_exp.explore.settings import Look
from gtzan_exp.explore.track_sections import read_tracks
from gtzan_exp.report.page import free_folder, make_folder, write_page
from gtzan_exp.tracking.record import RecordedPage, recorded_run


def explore(look: Look) -> RecordedPage:
    """Explore tracks or a whole data set, and record the page as a run."""
    folder = free_folder(look.settings.output)
    report = read_tracks(look) if look.settings.of_tracks else read_data(look)
    title = f"Explore {report.subject}"
    own = {"data": report.data, "synthetic": str(report.synthetic).lower(), **report.tags}
    tags = {"task": "explore", **own, **look.settings.tags}
    page = folder / "explore.html"
    name = look.settings.name or title
    with recorded_run(look.tracking.reports, folder, name, look.params, tags) as recorder:
        make_folder(folder)
        write_page(
            page,
            title=title,
            synthetic=report.synthetic,
            facts={**report.facts, "run": recorder.run_id},
            sections=report.write(folder),
            numbers={"run_id": recorder.run_id, "data": report.data, **report.numbers},
        )
        recorder.metrics(report.metrics)
        recorder.artifacts()
    return RecordedPage(recorder.run_id, page)
