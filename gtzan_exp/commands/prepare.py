"""``gtzan-exp prepare``: from a folder of audio to the views of it."""

from gtzan_exp.basics.terminal import phase
from gtzan_exp.commands.arguments import alone, parse
from gtzan_exp.config.files import choices

USAGE = """\
usage: gtzan-exp prepare data.audio=DIR data.root=OUT [OVERRIDE ...]

Turn a folder of audio, DIR/<genre>/<file> or
DIR/<genre>/<artist>/<album>/<file> (wav, aiff, au, flac, ogg, opus, mp3), into
the views that training reads, in GTZAN's layout: OUT/features_30_sec.csv,
OUT/features_3_sec.csv, OUT/images_original/<genre>/<id>.png, where asked for
OUT/embeddings_<embedder>.parquet (the vectors of a pretrained model), and the
artists for the audit. Then: gtzan-exp data=folder data.root=OUT

Finished tracks are not done again, also after a kill; changed ones are. Files
that cannot be used get a line in OUT/prepare_errors.csv and never stop the
others; the exit status is then 1.

Overrides (defaults first):
  views=[features,spectrograms]  or with embeddings
  segments=[30,3]  max_seconds=31.0
  embedder=musicnn|@OTHERS
  embedder.model=MSD_musicnn|MTT_musicnn|MSD_vgg|MTT_vgg
  data.offset=0|SECONDS|middle   which max_seconds of a longer file
  view.style=mel_db|kaggle       kaggle draws pictures as the published ones
  view.sample_rate=22050  view.n_fft=2048  view.hop_length=512
  view.pad_mode=reflect|constant  view.n_mels=128  view.n_mfcc=20
  view.width=432  view.height=288  view.cmap=magma
  on_error=skip|raise
  n_jobs=-1  backend=loky|dask|ray  address=SCHEDULER

Example:
  gtzan-exp prepare data.audio=/my/music data.root=/my/views view.style=kaggle
""".replace("@OTHERS", "|".join(name for name in choices("embedder") if name != "musicnn"))


def main(arguments: list[str]) -> int:
    from gtzan_exp.api import prepare

    flags = parse(arguments)
    phase("preparing")
    reports = prepare(*flags.overrides, **alone(flags))
    for report in reports:
        for line in (*report.problems, *(f"note: {note}" for note in report.notes), report):
            print(line)
    return 1 if any(report.failed for report in reports) else 0
