"""What the ten synthetic genres play and how they sound: caricatures that overlap on purpose.

Blues, country and rock share a band, disco and pop a beat, rock and metal a hard limiter, so that
models neither fail nor reach 100 %.
"""

import numpy as np


def _read(table: str) -> dict[str, dict[str, str]]:
    header, *rows = (line.split() for line in table.strip().splitlines())
    return {row[0]: dict(zip(header[1:], row[1:], strict=False)) for row in rows}


# One symbol for each sixteenth of a 4/4 bar. "." is silence, "-" holds the note before it, "x" is
# a hit and "o" a soft one; the bass plays tone 1, 2, 3 or 4 of the chord.
GROOVES = _read("""
genre     kick             snare            hat              chords           bass
blues     x.......x.....o. ....x.......x... x.o.x.o.x.o.x.o. x-..x-x-x-..x-x- 1---2---3---2---
classical ................ ................ ................ x-x-x-x-x-x-x-x- 1-------3-------
country   x.......x....... ..o.x.o...o.x.o. ..x...x...x...x. ..x-..x-..x-..x- 1---....3---....
disco     x...x...x...x... ....x.......x... ..x...x...x...x. x-.x-.x-..x-.x.. 1.4.1.4.1.4.1.4.
hiphop    x..x......x..o.. ....x.......x..o x.x.x.x.x.x.xxx. x-----....x---.. 1-----....1-3---
jazz      o.......o....... ......o.......o. x...x.x.x...x.x. x-....x-......x- 1---2---3---4---
metal     x.xxx.xxx.xxx.xx ....x.......x... x...x...x...x... x.xxx-x.x.xxx--- 1.111-1.1.111---
pop       x...x...x...x.o. ....x.......x... x.x.x.x.x.x.x.x. x-------x------- 1-1-1-1-1-1-1-1-
reggae    ........x....... o.......x......o x.x.x.x.x.x.x.x. ....x.......x.x. 1--1--3-..4-3-..
rock      x.....x.x.x..... ....x.......x... x.x.x.x.x.x.x.x. x-x-x-x-x-x-x-x- 1-1-1-1-1-1-1-1-
""")

# The genres that a genre borrows from, and its chords in C, one a bar.
SONGS = _read("""
genre     neighbours              changes
blues     rock,jazz,country       C7,C7,C7,C7,F7,F7,C7,C7,G7,F7,C7,G7
classical jazz                    C,Am,F,G
country   rock,blues,pop          C,C,F,G
disco     pop,hiphop              Cm,Fm,Bb,Eb
hiphop    reggae,pop,disco        Cm,Cm,Ab,Cm
jazz      blues,classical         Dm7,G7,Em7,A7
metal     rock                    C5,C5,Db5,Gb5
pop       disco,rock,hiphop       C,G,Am,F
reggae    hiphop,pop              Cm,Fm,Cm,Bb
rock      metal,blues,country,pop C5,Bb5,F5,C5
""")

# Of each quantity, the spread is the standard deviation of a genre's artists, in the logarithm.
_rows = _read("""
quantity blues classical country disco hiphop jazz  metal pop   reggae rock  spread
tempo    95    85        115     119   92     138   145   112   78     124   0.08 # beats a minute
swing    0.65  0.5       0.53    0.5   0.55   0.64  0.5   0.5   0.57   0.5   0.02 # 0.5 is straight
loose    0.012 0.02      0.01    0.01  0.01   0.014 0.004 0.01  0.01   0.01  0.2  # s, of onsets
kick     0.7   0.5       0.5     1.1   1.4    0.4   0.9   0.9   0.9    0.9   0.35 # level
snare    0.7   0.5       0.6     0.9   1.1    0.5   0.9   1.0   0.8    1.0   0.35 # level
hat      0.7   0.5       0.5     1.0   0.9    0.8   0.9   0.9   0.7    0.9   0.35 # level
bass     0.8   0.5       0.8     0.9   1.1    0.9   0.8   0.7   1.2    0.8   0.35 # level
chords   0.6   0.6       0.8     0.5   0.4    0.6   1.1   0.6   0.8    0.9   0.35 # level
lead     0.9   0.8       0.9     0.5   0.4    0.8   0.5   0.8   0.4    0.7   0.35 # level
ring     0.03  0.03      0.03    0.08  0.03   0.12  0.15  0.03  0.03   0.06  0.3  # s, of the hat
decay    1.0   2.0       0.22    1.5   0.9    1.2   2.0   1.5   0.6    2.0   0.2  # s, of notes
rolloff  1.25  1.3       1.0     1.0   1.8    1.35  1.2   0.9   1.5    1.2   0.12 # of harmonics
cutoff   2500  1500      4000    5000  3500   2000  6000  7000  2800   4500  0.3  # Hz, equaliser
reverb   0.1   0.5       0.1     0.15  0.1    0.25  0.1   0.2   0.3    0.1   0.6  # energy
hiss     0.002 0.002     0.002   0.002 0.01   0.002 0.002 0.002 0.002  0.002 0.7  # amplitude
squash   0.4   0.15      0.4     0.6   0.7    0.25  4.0   0.8   0.4    1.5   0.4  # gain
""")
QUANTITIES = tuple(_rows)
SPREAD = np.array([float(row["spread"]) for row in _rows.values()])
MANNERS = {genre: np.log([float(row[genre]) for row in _rows.values()]) for genre in GROOVES}
"""Of each genre, the logarithms of the quantities."""

_QUALITIES = {"": (4, 7, 12), "m": (3, 7, 12), "5": (7, 12, 19), "7": (4, 7, 10), "m7": (3, 7, 10)}


def chord_tones(symbol: str, key: int) -> list[int]:
    """Return the tones of a chord in C, such as ``Bb`` or ``Dm7``, moved up by `key` semitones."""
    root = (key + "C D EF G A B".index(symbol[0]) - (symbol[1:2] == "b")) % 12
    return [root, *(root + step for step in _QUALITIES[symbol[1:].removeprefix("b")])]
