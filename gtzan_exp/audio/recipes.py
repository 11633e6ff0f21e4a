"""What the synthetic sample calls blues, classical, ...: one groove, sound and harmony per genre.

The genres are caricatures and overlap on purpose: blues, country and rock share a band, disco and
pop a beat, rock and metal an amplifier, so that models neither fail nor reach 100 %.

Patterns hold one character per sixteenth of a 4/4 bar: ``.`` is silence, ``-`` holds the note
before it; drums know ``x`` (hit) and ``o`` (ghost hit); the bass knows ``r`` (root), ``3``, ``5``
and ``8`` (chord tones and octave) and ``w`` (any chord tone).
"""

from __future__ import annotations

from dataclasses import dataclass

from gtzan_exp.audio.synth import Kit, Timbre

_KIT = Kit()


@dataclass(frozen=True)
class Groove:
    """When things are played: tempo range in beats per minute, and one pattern per part.

    `swing` is the place of the off-beat eighth within its beat (0.5 is straight), `density` the
    chance of a lead note on an eighth, `loose` the jitter of the onsets in seconds.
    """

    tempo: tuple[float, float]
    comp: str
    bass: str
    kick: str = "................"
    snare: str = "................"
    hat: str = "................"
    swing: float = 0.5
    density: float = 0.4
    loose: float = 0.008


@dataclass(frozen=True)
class Sound:
    """How things sound: instruments, levels (drums, bass, comp, lead), and the mixing desk.

    `drive` overdrives the comp and the lead, `swell` is the depth of slow dynamics (0 to 1); the
    other fields are those of `gtzan_exp.audio.synth.master`.
    """

    comp: Timbre
    lead: Timbre
    bass: Timbre
    levels: tuple[float, float, float, float]
    kit: Kit = _KIT
    drive: float = 0.0
    swell: float = 0.0
    tilt: float = 0.0
    wet: float = 0.1
    room: float = 0.2
    hiss: float = -55.0
    squash: float = 0.4


@dataclass(frozen=True)
class Harmony:
    """What is played: chords (semitones above the key, quality), one a bar, and the lead's scale.

    `register` is the MIDI note of the key of C for the comp, `lead_register` for the lead.
    """

    chords: tuple[tuple[int, str], ...]
    scale: tuple[int, ...]
    register: int = 48
    lead_register: int = 60


@dataclass(frozen=True)
class Recipe:
    """A genre; `neighbours` are the genres that its tracks may borrow a groove or a sound from."""

    groove: Groove
    sound: Sound
    harmony: Harmony
    neighbours: tuple[str, ...]


CHORDS = {
    "power": (0, 7, 12),
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "seventh": (0, 4, 7, 10),
    "major9": (0, 4, 7, 11, 14),
    "minor9": (0, 3, 7, 10, 14),
}
"""Semitones of each chord quality above its root."""

_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 10)
_BLUES = (0, 3, 5, 6, 7, 10)
_PENTATONIC = (0, 2, 4, 7, 9)

_PIANO = Timbre(rolloff=1.4, decay=0.7, damping=0.15)
_STRINGS = Timbre(rolloff=1.1, attack=0.12, decay=6.0, vibrato=0.03)
_ORGAN = Timbre(rolloff=1.8, even=0.8, attack=0.01, decay=8.0)
_SYNTH = Timbre(rolloff=0.9, attack=0.02, decay=1.5)
_GUITAR = Timbre(rolloff=1.3, decay=0.5, damping=0.3)
_PLUCK = Timbre(rolloff=1.0, decay=0.22, damping=0.25)
_ELECTRIC = Timbre(rolloff=1.2, decay=2.0, damping=0.1)
_REED = Timbre(rolloff=1.3, even=0.4, attack=0.04, decay=3.0, vibrato=0.05)
_FLUTE = Timbre(rolloff=2.3, attack=0.06, decay=4.0, vibrato=0.04)
_UPRIGHT = Timbre(rolloff=1.8, decay=0.35, damping=0.2)
_FINGER = Timbre(rolloff=1.5, decay=0.5, damping=0.1)
_SUB = Timbre(rolloff=3.0, decay=0.9)

RECIPES = {
    "blues": Recipe(
        Groove(
            tempo=(78, 112),
            kick="x.......x.....o.",
            snare="....x.......x...",
            hat="x.o.x.o.x.o.x.o.",
            comp="x-..x-x-x-..x-x-",
            bass="r---3---5---w---",
            swing=0.65,
            density=0.5,
            loose=0.012,
        ),
        Sound(_GUITAR, _ELECTRIC, _FINGER, (0.7, 0.8, 0.6, 0.9), drive=0.6, tilt=-1.5),
        Harmony(
            ((0, "seventh"),) * 4
            + ((5, "seventh"),) * 2
            + ((0, "seventh"),) * 2
            + ((7, "seventh"), (5, "seventh"), (0, "seventh"), (7, "seventh")),
            _BLUES,
        ),
        neighbours=("rock", "jazz", "country"),
    ),
    "classical": Recipe(
        Groove(
            tempo=(60, 120),
            comp="x-x-x-x-x-x-x-x-",
            bass="r-------5-------",
            density=0.45,
            loose=0.02,
        ),
        Sound(
            _PIANO,
            _STRINGS,
            _STRINGS,
            (0.0, 0.5, 0.6, 0.8),
            swell=0.7,
            tilt=-3.0,
            wet=0.5,
            room=0.5,
            squash=0.15,
        ),
        Harmony(((0, "major"), (9, "minor"), (5, "major"), (7, "major")), _MAJOR, lead_register=67),
        neighbours=("jazz",),
    ),
    "country": Recipe(
        Groove(
            tempo=(96, 136),
            kick="x.......x.......",
            snare="..o.x.o...o.x.o.",
            hat="..x...x...x...x.",
            comp="..x-..x-..x-..x-",
            bass="r---....5---....",
            swing=0.53,
            density=0.55,
        ),
        Sound(_PLUCK, _PLUCK, _UPRIGHT, (0.5, 0.8, 0.8, 0.9), drive=0.2, tilt=0.0),
        Harmony(
            ((0, "major"), (0, "major"), (5, "major"), (7, "major")),
            _PENTATONIC,
            register=52,
        ),
        neighbours=("rock", "blues", "pop"),
    ),
    "disco": Recipe(
        Groove(
            tempo=(110, 128),
            kick="x...x...x...x...",
            snare="....x.......x...",
            hat="..x...x...x...x.",
            comp="x-.x-.x-..x-.x..",
            bass="r.8.r.8.r.8.r.8.",
            density=0.35,
        ),
        Sound(
            _SYNTH,
            _STRINGS,
            _FINGER,
            (1.0, 0.9, 0.5, 0.5),
            Kit(hat_decay=0.08),
            tilt=0.3,
            wet=0.15,
            squash=0.6,
        ),
        Harmony(((0, "minor"), (5, "minor"), (10, "major"), (3, "major")), _MINOR),
        neighbours=("pop", "hiphop"),
    ),
    "hiphop": Recipe(
        Groove(
            tempo=(80, 104),
            kick="x..x......x..o..",
            snare="....x.......x..o",
            hat="x.x.x.x.x.x.xxx.",
            comp="x-----....x---..",
            bass="r-----....r-5---",
            swing=0.55,
            density=0.15,
        ),
        Sound(
            _PIANO,
            _FLUTE,
            _SUB,
            (1.2, 1.1, 0.4, 0.4),
            Kit(kick=48, kick_decay=0.25, wires=0.85, snare_decay=0.13),
            tilt=-0.5,
            hiss=-40.0,
            squash=0.7,
        ),
        Harmony(((0, "minor"), (0, "minor"), (8, "major"), (0, "minor")), _MINOR),
        neighbours=("reggae", "pop", "disco"),
    ),
    "jazz": Recipe(
        Groove(
            tempo=(104, 184),
            kick="o.......o.......",
            snare="......o.......o.",
            hat="x...x.x.x...x.x.",
            comp="x-....x-......x-",
            bass="r---w---w---w---",
            swing=0.64,
            density=0.6,
            loose=0.014,
        ),
        Sound(
            _PIANO,
            _REED,
            _UPRIGHT,
            (0.5, 0.9, 0.6, 0.8),
            Kit(kick_decay=0.08, wires=0.9, hat_decay=0.12),
            tilt=-2.0,
            wet=0.25,
            room=0.3,
            squash=0.25,
        ),
        Harmony(
            ((2, "minor9"), (7, "seventh"), (0, "major9"), (9, "seventh")),
            _MAJOR,
            register=52,
        ),
        neighbours=("blues", "classical"),
    ),
    "metal": Recipe(
        Groove(
            tempo=(120, 176),
            kick="x.xxx.xxx.xxx.xx",
            snare="....x.......x...",
            hat="x...x...x...x...",
            comp="x.xxx-x.x.xxx---",
            bass="r.rrr-r.r.rrr---",
            density=0.3,
            loose=0.004,
        ),
        Sound(
            _ELECTRIC,
            _ELECTRIC,
            _FINGER,
            (0.9, 0.8, 1.1, 0.5),
            Kit(kick=60, kick_decay=0.07, hat_decay=0.15),
            drive=6.0,
            tilt=0.8,
            squash=0.9,
        ),
        Harmony(
            ((0, "power"), (0, "power"), (1, "power"), (6, "power")),
            _MINOR,
            register=40,
        ),
        neighbours=("rock",),
    ),
    "pop": Recipe(
        Groove(
            tempo=(98, 128),
            kick="x...x...x...x.o.",
            snare="....x.......x...",
            hat="x.x.x.x.x.x.x.x.",
            comp="x-------x-------",
            bass="r-r-r-r-r-r-r-r-",
            density=0.45,
        ),
        Sound(
            _SYNTH,
            _SYNTH,
            _FINGER,
            (0.9, 0.7, 0.6, 0.8),
            Kit(wires=0.8),
            tilt=1.0,
            wet=0.2,
            squash=0.8,
        ),
        Harmony(
            ((0, "major"), (7, "major"), (9, "minor"), (5, "major")),
            _PENTATONIC,
            lead_register=64,
        ),
        neighbours=("disco", "rock", "hiphop"),
    ),
    "reggae": Recipe(
        Groove(
            tempo=(66, 92),
            kick="........x.......",
            snare="o.......x......o",
            hat="x.x.x.x.x.x.x.x.",
            comp="....x.......x.x.",
            bass="r--r--5-..8-5-..",
            swing=0.57,
            density=0.2,
        ),
        Sound(
            _GUITAR,
            _ORGAN,
            _SUB,
            (0.8, 1.2, 0.8, 0.4),
            Kit(kick=50, snare=260, wires=0.5),
            tilt=-1.0,
            wet=0.3,
            room=0.35,
        ),
        Harmony(((0, "minor"), (5, "minor"), (0, "minor"), (10, "major")), _MINOR, register=55),
        neighbours=("hiphop", "pop"),
    ),
    "rock": Recipe(
        Groove(
            tempo=(104, 146),
            kick="x.....x.x.x.....",
            snare="....x.......x...",
            hat="x.x.x.x.x.x.x.x.",
            comp="x-x-x-x-x-x-x-x-",
            bass="r-r-r-r-r-r-r-r-",
            density=0.35,
        ),
        Sound(
            _ELECTRIC,
            _ELECTRIC,
            _FINGER,
            (0.9, 0.8, 0.9, 0.7),
            Kit(kick_decay=0.1, hat_decay=0.06),
            drive=2.2,
            tilt=0.0,
            squash=0.6,
        ),
        Harmony(
            ((0, "power"), (10, "power"), (5, "power"), (0, "power")),
            _BLUES,
            register=43,
        ),
        neighbours=("metal", "blues", "country", "pop"),
    ),
}
"""The ten genres of the sample."""
