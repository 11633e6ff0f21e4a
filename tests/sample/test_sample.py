import hashlib
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import soundfile

from gtzan_exp.basics.errors import ConfigError
from gtzan_exp.basics.genres import GENRES
from gtzan_exp.sample.synthetic import sample_artist, synthesize, write_sample


def fingerprint(track):
    return hashlib.sha256(track.tobytes()).hexdigest()


@pytest.mark.parametrize("genre", GENRES)
@pytest.mark.parametrize(
    ("seconds", "sample_rate"), [(6.0, 22050), (0.5, 2000), (0.5, 8000), (2.0, 44100)]
)
def test_a_track_is_sound_of_the_asked_length(genre, seconds, sample_rate):
    for index in range(4):
        track = synthesize(genre, index, seconds=seconds, sample_rate=sample_rate)
        assert track.dtype == np.float32
        assert track.shape == (round(seconds * sample_rate),)
        assert np.isfinite(track).all()
        assert np.abs(track).max() <= 1
        assert np.sqrt(np.mean(track**2)) > 0.02


def test_another_process_and_another_order_give_the_same_tracks():
    code = (
        "import hashlib\n"
        "from gtzan_exp.sample.synthetic import synthesize\n"
        "for genre, index in (('rock', 7), ('jazz', 0), ('blues', 3)):\n"
        "    print(hashlib.sha256(synthesize(genre, index, seed=5).tobytes()).hexdigest())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    reverse = [
        fingerprint(synthesize(*track, seed=5))
        for track in (("blues", 3), ("jazz", 0), ("rock", 7))
    ]
    assert outputs == {"\n".join(reversed(reverse)) + "\n"}


def test_genre_index_and_seed_each_make_another_track():
    tracks = [
        synthesize(genre, index, seed=seed, seconds=1.0)
        for genre in ("rock", "metal")
        for index in range(8)
        for seed in range(3)
    ]
    assert len({fingerprint(track) for track in tracks}) == len(tracks)


def test_a_track_is_six_seconds_of_the_first_seed_unless_told_otherwise():
    explicit = synthesize("rock", 1, seed=0, seconds=6.0, sample_rate=22050)
    assert fingerprint(synthesize("rock", 1)) == fingerprint(explicit)


def test_artists_share_the_tracks_of_a_genre_evenly():
    artists = Counter(sample_artist(genre, index) for genre in GENRES for index in range(20))
    assert set(artists.values()) == {5}
    assert len(artists) == 4 * len(GENRES)


def test_unknown_genre_names_the_nearest():
    with pytest.raises(ConfigError, match=r"allowed: blues, .*got: 'hip-hop' .*hiphop"):
        synthesize("hip-hop", 0)


def test_written_sample_has_the_layout_of_gtzan_and_says_that_it_is_synthetic(tmp_path):
    write_sample(tmp_path / "new", tracks_per_genre=2, seconds=1.0, seed=3, sample_rate=16000)

    written = sorted(path for path in (tmp_path / "new").rglob("*") if path.is_file())
    assert [path.relative_to(tmp_path / "new").as_posix() for path in written] == [
        f"genres_original/{genre}/{genre}.{index:05d}.wav" for genre in GENRES for index in (0, 1)
    ]
    for path in written[:4]:
        genre, index = path.stem.split(".")
        with soundfile.SoundFile(path) as file:
            assert (file.samplerate, file.channels, file.subtype) == (16000, 1, "PCM_16")
            assert "synthetic" in file.comment
            assert file.artist == sample_artist(genre, int(index))
            heard = file.read(dtype="float32")
        made = synthesize(genre, int(index), seed=3, seconds=1.0, sample_rate=16000)
        np.testing.assert_allclose(heard, made, atol=1.01 / 32768)


@pytest.mark.slow
def test_genres_can_be_told_apart_but_not_perfectly_and_artists_give_tracks_away():
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from gtzan_exp.audio.features import FEATURE_COLUMNS, FeatureSettings, extract

    tracks = [(genre, index) for genre in GENRES for index in range(20)]
    table = [extract(synthesize(*track), FeatureSettings()) for track in tracks]
    X = np.array([[row[name] for name in FEATURE_COLUMNS] for row in table])
    assert np.isfinite(X).all()
    y = [genre for genre, _ in tracks]
    artist = [index % 4 for _, index in tracks]

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    mixed = StratifiedKFold(5, shuffle=True, random_state=0)
    random_split = cross_val_score(model, X, y, cv=mixed).mean()
    by_artist = cross_val_score(model, X, y, cv=GroupKFold(4), groups=artist).mean()
    assert 0.70 < random_split < 0.92
    assert 0.30 < by_artist < random_split - 0.1
