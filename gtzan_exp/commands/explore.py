"""``gtzan-exp explore``: look at tracks, or at a whole data set, before training."""

from gtzan_exp.basics.terminal import phase
from gtzan_exp.commands.arguments import alone, parse

USAGE = """\
usage: gtzan-exp explore [OVERRIDE ...]

Look before you train. Of tracks: waveform, STFT, spectrogram, mel spectrogram,
harmonic and percussive waves, MFCC, chroma, onsets and beats, zero crossings.
Of a data set (no track given): artists, duplicates, gaps, correlations,
principal components, features by genre, images. All goes into one page,
explore.html, with the PNGs and explore.json beside it, recorded as a run. The
last line names both.

Overrides (data=, view= and tracking= as in gtzan-exp --help):
  track=ID  tracks=[ID,ID,...]    tracks of the data, several side by side
  audio=FILE                      a file of your own; odd names go in quotes
  max_seconds=300                 read at most so much of each track
  frequency_axis=log|linear       of the picture of STFT magnitudes
  features=[NAME,...]             columns whose distributions are drawn
  output=FOLDER                   a new or empty folder; else below outputs/

Example:
  gtzan-exp explore data=gtzan tracks=[pop.00036,blues.00036,classical.00036]
"""


def main(arguments: list[str]) -> int:
    from gtzan_exp.api import explore

    flags = parse(arguments)
    phase("exploring")
    print(explore(*flags.overrides, **alone(flags)), flush=True)
    return 0
