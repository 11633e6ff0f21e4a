"""The synthetic bands, part by part: each test listens to what a band plays."""

import itertools

import numpy as np
import pytest

from gtzan_exp.basics.genres import GENRES
from gtzan_exp.sample.songbook import (
    GROOVES,
    MANNERS,
    QUANTITIES,
    SONGS,
    SPREAD,
    chord_tones,
)
from gtzan_exp.sample.synthetic import bar_events, drum_kit, master, note, place, play, synthesize

RATE = 22050
C = [0, 4, 7, 12]
SILENCE = dict.fromkeys(("kick", "snare", "hat", "chords", "bass"), "." * 16)
PLAIN = dict(zip(QUANTITIES, np.exp(MANNERS["pop"]), strict=True)) | {
    "tempo": 120.0,
    "swing": 0.5,
    "loose": 0.0,
    "lead": 0.0,
    "decay": 1.0,
}


def rng(seed=0):
    return np.random.default_rng(seed)


def level(sound):
    return float(np.sqrt(np.mean(np.square(sound, dtype=float))))


def loudest(sound, count=1):
    """The frequencies of the strongest partials, in Hz and falling order of strength."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 4 * RATE))
    peaks = np.flatnonzero((spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] >= spectrum[2:])) + 1
    return peaks[np.argsort(spectrum[peaks])[::-1][:count]] / 4


def share_above(sound, hertz, rate=RATE):
    power = np.abs(np.fft.rfft(sound)) ** 2
    return power[np.fft.rfftfreq(len(sound), 1 / rate) > hertz].sum() / power.sum()


def onsets(sound):
    """The seconds at which silences end."""
    heard = np.flatnonzero(np.abs(sound) > 1e-3)
    return heard[np.diff(heard, prepend=-RATE) > 0.05 * RATE] / RATE


def hats(pattern, seed=0, **manner):
    """What a hi-hat with a short ring plays in six seconds."""
    manner = PLAIN | {"ring": 0.003} | manner
    return play(SILENCE | {"hat": pattern}, [C], manner, rng(seed), 6 * RATE, RATE)


def test_the_songbook_is_complete_and_every_pattern_is_one_bar():
    assert set(GROOVES) == set(SONGS) == set(MANNERS) == set(GENRES)
    for genre in GENRES:
        neighbours = SONGS[genre]["neighbours"].split(",")
        assert set(neighbours) <= set(GENRES) - {genre}
        assert {len(pattern) for pattern in GROOVES[genre].values()} == {16}
        for part, known in dict.fromkeys(("kick", "snare", "hat"), "xo.").items():
            assert set(GROOVES[genre][part]) <= set(known)
        assert set(GROOVES[genre]["chords"]) <= set("x-.")
        assert set(GROOVES[genre]["bass"]) <= set("1234-.")
        assert len(MANNERS[genre]) == len(QUANTITIES) == len(SPREAD)
        for symbol in SONGS[genre]["changes"].split(","):
            assert len(chord_tones(symbol, 0)) == 4


@pytest.mark.parametrize(
    ("symbol", "key", "tones"),
    [
        ("C", 0, [0, 4, 7, 12]),
        ("Am", 0, [9, 12, 16, 21]),
        ("Bb", 0, [10, 14, 17, 22]),
        ("Gb5", 0, [6, 13, 18, 25]),
        ("Dm7", 2, [4, 7, 11, 14]),
        ("G7", 7, [2, 6, 9, 12]),
        ("Eb", 16, [7, 11, 14, 19]),
    ],
)
def test_chords_are_spelled_from_their_root(symbol, key, tones):
    assert chord_tones(symbol, key) == tones


@pytest.mark.parametrize("pitch", [36, 57, 69, 81])
def test_a_note_has_its_pitch_its_colour_and_its_length(pitch):
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    sound = note(pitch, 2 * RATE, PLAIN | {"rolloff": 2.0}, RATE)
    assert len(sound) == 2 * RATE
    assert loudest(sound, 3) == pytest.approx(hertz * np.array([1, 2, 3]), abs=1)
    first, second, third = (
        np.abs(np.sum(sound * np.exp(-2j * np.pi * k * hertz * np.arange(len(sound)) / RATE)))
        for k in (1, 2, 3)
    )
    assert first / second == pytest.approx(4, rel=0.05)
    assert first / third == pytest.approx(9, rel=0.05)
    assert level(sound[:RATE]) / level(sound[RATE:]) == pytest.approx(np.e, rel=0.05)
    assert level(sound[:2205]) == pytest.approx(0.23, abs=0.02)
    for first, later in ((sound[:55], sound[55:441]), (sound[:-56:-1], sound[-56:-441:-1])):
        assert level(first) < 0.4 * level(later)


def test_a_note_does_not_fold_harmonics_back():
    sound = note(88, RATE, PLAIN | {"rolloff": 0.2, "decay": 100.0}, 8000)
    hertz = 440 * 2 ** (19 / 12)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    frequency = np.fft.rfftfreq(len(sound), 1 / 8000)
    near = np.abs(frequency / hertz - np.round(frequency / hertz)) < 0.02
    assert spectrum[~near].max() < 0.02 * spectrum.max()


def test_the_kit_goes_from_low_to_high_and_the_hat_rings():
    kit = drum_kit(0.05, rng(), RATE)
    assert share_above(kit["kick"], 200) < 0.1
    assert 40 < loudest(kit["kick"][RATE // 10 :])[0] < 65
    assert share_above(kit["snare"], 5000) == pytest.approx(6 / 11, abs=0.1)
    assert share_above(kit["hat"], 5000) > 0.9
    for drum, peak in {"kick": 0.85, "snare": 1.0, "hat": 0.38}.items():
        assert np.abs(kit[drum]).max() == pytest.approx(peak, rel=0.25)
    assert 100 < loudest(kit["kick"][:441])[0] < 200
    late = level(kit["kick"][5292:7938]) / level(kit["kick"][2646:5292])
    assert late == pytest.approx(np.exp(-1), rel=0.1)
    decay = level(kit["snare"][2205:4410]) / level(kit["snare"][:2205])
    assert decay == pytest.approx(np.exp(-1), rel=0.1)
    dry, wet = (drum_kit(ring, rng(), RATE)["hat"] for ring in (0.05, 0.1))
    late = slice(RATE // 10, RATE // 5)
    assert level(dry[late]) < 0.2 * level(dry[: RATE // 10])
    assert level(wet[late]) == pytest.approx(level(wet[: RATE // 10]) * np.exp(-1), rel=0.15)


@pytest.mark.parametrize(
    ("start", "heard"),
    [
        (0, [1, 2, 3, 0, 0]),
        (1, [0, 1, 2, 3, 0]),
        (3, [0, 0, 0, 1, 2]),
        (5, [0, 0, 0, 0, 0]),
        (9, [0, 0, 0, 0, 0]),
        (-2, [3, 0, 0, 0, 0]),
        (-3, [0, 0, 0, 0, 0]),
        (-7, [0, 0, 0, 0, 0]),
    ],
)
def test_what_lies_outside_a_track_is_cut_off(start, heard):
    track = np.ones(5)
    place(track, np.array([1.0, 2.0, 3.0]), start)
    assert track.tolist() == [1 + sample for sample in heard]


def test_off_beats_swing_and_notes_are_held():
    groove = SILENCE | {"hat": "xxoxx.x.x...x...", "bass": "1--.2-..........", "chords": "-" * 16}
    events = [event for event in bar_events(groove, 0.6, rng()) if event[0] != "lead"]
    assert [event[:2] for event in events] == [("hat", s) for s in "xxoxxxxx"] + [
        ("bass", "1"),
        ("bass", "2"),
    ]
    onsets = [step for _, _, step, _ in events]
    assert onsets == pytest.approx([0, 1.2, 2.4, 3.2, 4, 6.4, 8, 12, 0, 4])
    assert [steps for *_, steps in events] == [1] * 8 + [3, 2]


def test_the_lead_improvises_eighths_over_all_tones_of_the_chord():
    source = rng()
    bars = [list(bar_events(SILENCE, 0.5, source)) for _ in range(100)]
    lead = [event for bar in bars for event in bar]
    assert {part for part, *_ in lead} == {"lead"}
    assert {symbol for _, symbol, *_ in lead} == set("1234")
    assert {step for _, _, step, _ in lead} == set(range(0, 16, 2))
    assert {steps for *_, steps in lead} == {2}
    assert len(lead) / 800 == pytest.approx(2 / 3, abs=0.06)


@pytest.mark.parametrize(("tempo", "seed"), [(90.0, 0), (150.0, 1)])
def test_a_band_keeps_the_tempo_to_the_end_and_starts_anywhere(tempo, seed):
    beats = onsets(hats("x...x...x...x...", seed, tempo=tempo))
    assert np.diff(beats) == pytest.approx(60 / tempo, abs=0.002)
    assert beats[0] < 60 / tempo
    assert beats[-1] > 6 - 60 / tempo
    bars = onsets(hats("x...............", seed, tempo=tempo))
    assert np.diff(bars) == pytest.approx(240 / tempo, abs=0.002)
    assert {onsets(hats("x...............", other))[0] for other in range(3)} != {bars[0]}


def test_a_loose_band_does_not_hit_the_beat():
    gaps = np.concatenate(
        [np.diff(onsets(hats("x...x...x...x...", s, loose=0.02))) for s in range(9)]
    )
    assert np.mean(gaps) == pytest.approx(0.5, abs=0.01)
    assert np.std(gaps) == pytest.approx(0.02 * np.sqrt(2), rel=0.25)


def test_swing_is_heard_and_soft_hits_are_softer():
    gaps = np.diff(onsets(hats("x.x.x.x.x.x.x.x.", swing=0.65)))
    assert sorted(gaps)[0] == pytest.approx(0.35 * 0.5, abs=0.002)
    assert sorted(gaps)[-1] == pytest.approx(0.65 * 0.5, abs=0.002)
    loud, soft = (level(hats(f"{symbol}...............")) for symbol in "xo")
    assert soft / loud == pytest.approx(0.4, rel=0.001)
    assert level(hats("x...............", hat=PLAIN["hat"] / 2)) == pytest.approx(loud / 2)


@pytest.mark.parametrize(
    ("part", "pattern", "pitches"),
    [
        ("chords", "x" + "-" * 15, [48, 52, 55, 60]),
        ("bass", "1" + "-" * 15, [36]),
        ("bass", "2" + "-" * 15, [40]),
        ("bass", "3" + "-" * 15, [43]),
        ("bass", "4" + "-" * 15, [48]),
    ],
)
def test_each_part_plays_its_tones_in_its_register(part, pattern, pitches):
    manner = PLAIN | {"tempo": 60.0, "rolloff": 6.0}
    music = play(SILENCE | {part: pattern}, [C], manner, rng(), 8 * RATE, RATE)
    heard = 69 + 12 * np.log2(loudest(music[: 4 * RATE], len(pitches)) / 440)
    assert sorted(np.round(heard)) == pitches


def test_the_lead_plays_above_the_chords():
    manner = PLAIN | {"tempo": 60.0, "rolloff": 6.0, "lead": 1.0}
    music = play(SILENCE, [C], manner, rng(), 8 * RATE, RATE)
    assert 69 + 12 * np.log2(loudest(music)[0] / 440) == pytest.approx(66, abs=6.5)
    heard = 69 + 12 * np.log2(loudest(music, 4) / 440)
    assert set(np.round(heard)) <= {60, 64, 67, 72}


def test_the_chords_change_at_the_bar_and_come_round():
    """Bars of two seconds: the root of each bar is heard in its order, over and over."""
    manner = PLAIN | {"rolloff": 6.0}
    changes = [[root, root, root, root] for root in (0, 2, 5)]
    groove = SILENCE | {"bass": "1" + "-" * 15}
    firsts = set()
    for seed in range(6):
        music = play(groove, changes, manner, rng(seed), 16 * RATE, RATE)
        roots = []
        for second in np.arange(0.25, 15.75, 0.5):
            part = music[int((second - 0.25) * RATE) : int((second + 0.25) * RATE)]
            roots.append(round(69 + 12 * np.log2(loudest(part)[0] / 440)))
        order = [root for before, root in itertools.pairwise(roots) if root != before]
        cycle = [36, 38, 41]
        assert all(cycle[(cycle.index(a) + 1) % 3] == b for a, b in itertools.pairwise(order))
        assert len(order) in (7, 8)
        firsts.add(roots[0])
    assert firsts == {36, 38, 41}


def mastered(music, **manner):
    plain = {"cutoff": 1e6, "reverb": 1e-9, "hiss": 1e-9, "squash": 0.01}
    return master(music.astype(np.float32), plain | manner, rng(), RATE)


def test_the_desk_keeps_clean_music_and_leaves_headroom():
    music = note(69, 2 * RATE, PLAIN, RATE)
    track = mastered(music)
    assert np.abs(track).max() == pytest.approx(0.95)
    np.testing.assert_allclose(track / 0.95, music / np.abs(music).max(), atol=0.01)
    np.testing.assert_allclose(mastered(1000 * music), track, atol=1e-4)


def test_the_desk_has_an_equaliser_a_room_hiss_and_a_limiter():
    noise = rng(1).standard_normal(4 * RATE)
    click = np.zeros(2 * RATE)
    click[RATE // 2] = 1.0

    cut = np.abs(np.fft.rfft(mastered(noise, cutoff=2000.0)))
    flat = np.abs(np.fft.rfft(mastered(noise)))
    gain = cut / flat
    hertz = np.fft.rfftfreq(len(noise), 1 / RATE)
    low, corner, high = (np.median(gain[np.abs(hertz - f) < 40]) for f in (100, 2000, 8000))
    assert corner / low == pytest.approx(1 / 2, rel=0.03)
    assert high / low == pytest.approx(1 / 17, rel=0.05)
    assert flat[hertz < 19].max() < 0.01 * np.median(flat)
    assert np.median(flat[(hertz > 21) & (hertz < 29)]) > 0.5 * np.median(flat)

    ring = mastered(click, reverb=0.5, squash=1e-5)
    tail = ring[RATE // 2 + 1 :]
    assert np.sum(tail**2) / ring[RATE // 2] ** 2 == pytest.approx(0.5, rel=0.05)
    quarter = RATE // 4
    assert level(tail[quarter : 2 * quarter]) / level(tail[:quarter]) == pytest.approx(
        np.exp(-1), rel=0.1
    )

    quiet = mastered(noise)
    hissing = mastered(noise, hiss=0.5)
    assert np.corrcoef(quiet, hissing)[0, 1] == pytest.approx(1 / np.sqrt(1.25), abs=0.01)

    crest = [1 / level(mastered(noise, squash=squash) / 0.95) for squash in (0.01, 1.0, 10.0)]
    assert crest[0] > 4 > 2 > crest[1] > crest[2] > 1


def test_silence_stays_silent_but_for_the_hiss():
    track = mastered(np.zeros(RATE), hiss=0.01)
    assert np.isfinite(track).all()
    assert share_above(track, RATE / 4) == pytest.approx(0.5, abs=0.05)


def test_tracks_of_an_artist_sound_more_alike_than_those_of_others():
    """By the share of the power above three frequencies."""
    tracks = [synthesize("jazz", index, seconds=2.0) for index in range(24)]
    colours = np.log([[share_above(track, f) for f in (500, 1500, 4000)] for track in tracks])
    artist = np.arange(24) % 4
    centres = np.array([colours[artist == number].mean(axis=0) for number in range(4)])
    own = np.linalg.norm(colours - centres[artist], axis=1).mean()
    others = np.linalg.norm(colours[:, None] - centres[None], axis=2).mean()
    assert own < 0.75 * others
