"""The pictures: read whatever they are, cut where there is a margin, decoded once, never torn."""

from __future__ import annotations

import os
import zlib
from itertools import product

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from gtzan_exp.audio import librosa_loader
from gtzan_exp.audio.spectrograms import palette
from gtzan_exp.audio.tracks import load_audio, scan_tracks
from gtzan_exp.basics.errors import DataError
from gtzan_exp.basics.genres import GENRES
from gtzan_exp.data.provenance import prepare_settings
from gtzan_exp.data.spectrograms import COLOR_MAPS, SpectrogramsView, cut_margin

from .conftest import place

NAMES = [f"{genre}/{genre}.{number:05}.png" for genre in ("blues", "rock") for number in range(3)]


def picture(seed: int = 0, shape: tuple[int, ...] = (35, 50, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 240, shape, dtype=np.uint8)


def framed(plot: np.ndarray) -> np.ndarray:
    """Return a picture as Kaggle's copy holds it: 432 x 288 RGBA, the plot in a white margin."""
    image = np.full((288, 432, 4), 255, np.uint8)
    image[35:253, 54:390, :3] = plot
    return image


@pytest.fixture
def load(tmp_path):
    def load(location, **options):
        options = {"height": 35, "width": 50} | options
        return SpectrogramsView(**options).load(location, cache=tmp_path / "cache")

    return load


def mistakes(load, location, **options) -> list[str]:
    with pytest.raises(DataError) as caught:
        load(location, **options)
    root = str(location.folder() / "images_original")
    return [str(mistake).replace(root, "images") for mistake in caught.value.mistakes]


def test_pictures_come_out_as_they_are(pictures, load):
    files = {name: picture(i) for i, name in enumerate(NAMES)}
    dataset = load(pictures(files))
    assert list(dataset.ids) == list(dataset.tracks) == [name[:-4].split("/")[1] for name in NAMES]
    assert list(dataset.labels) == ["blues"] * 3 + ["rock"] * 3
    pixels = np.asarray(dataset.X)
    assert (
        (pixels.dtype, pixels.shape)
        == (np.float32, dataset.X.shape)
        == (np.float32, (6, 35, 50, 3))
    )
    np.testing.assert_allclose(pixels, np.stack(list(files.values())) / 255, rtol=1e-6)
    np.testing.assert_array_equal(dataset.take(np.array([4, 1])), pixels[[4, 1]])
    whole = np.asarray(load(pictures({}), pixel_range="byte").X)
    np.testing.assert_allclose(whole, np.stack(list(files.values())), rtol=1e-6)


def test_both_namings_give_the_same_dataset(pictures, load, tmp_path):
    names = [name.replace(".0", "0") for name in NAMES]
    kaggle = load(pictures({name: picture(i) for i, name in enumerate(names)}))
    for path in (tmp_path / "images_original").glob("*/*.png"):
        path.unlink()
    dotted = load(pictures({name: picture(i) for i, name in enumerate(NAMES)}))
    assert list(dotted.ids) == list(kaggle.ids)
    assert dotted.fingerprint == kaggle.fingerprint


@pytest.mark.parametrize("kind", ["RGBA", "translucent", "grey", "16 bit", "16 bit grey", "JPEG"])
def test_every_kind_of_file_gives_the_same_colours(pictures, load, kind):
    expected = np.full((35, 50, 3), (200, 120, 40), np.uint8)
    expected[:, 25:] = 90
    given, name = expected, "rock/rock.00000.png"
    match kind:
        case "RGBA":
            given = np.dstack([expected, np.full((35, 50), 255, np.uint8)])
        case "translucent":
            half = np.dstack([expected, np.full((35, 50), 51, np.uint8)])
            given, expected = half, np.rint(expected * 0.2 + 255 * 0.8)
        case "grey":
            given = cv2.cvtColor(expected, cv2.COLOR_RGB2GRAY)
            expected = np.dstack([given] * 3)
        case "16 bit":
            given = expected.astype(np.uint16) * 257
        case "16 bit grey":
            given = expected[..., 0].astype(np.uint16) * 257
            expected = np.dstack([expected[..., 0]] * 3)
        case "JPEG":
            name = "rock/rock.00000.JPG"
    dataset = load(
        pictures({**{n: picture() for n in NAMES if n != "rock/rock.00000.png"}, name: given})
    )
    pixels = np.asarray(dataset.X[[3]])[0] * 255
    columns = [*range(20), *range(32, 50)]  # JPEG blurs the border between the colours
    tolerance = 4 if kind == "JPEG" else 1e-3
    np.testing.assert_allclose(pixels[:, columns], expected[:, columns], atol=tolerance)


@pytest.mark.parametrize("name", ["rock/rock00000.png", "rock/rock00000.jpg"])
def test_the_margin_of_kaggles_pictures_is_cut_off(pictures, load, name):
    plot = np.full((218, 336, 3), 60, np.uint8)
    plot[:, :, 0] = np.linspace(0, 250, 336)
    plot[-1], plot[:, -1] = (252, 253, 191), (252, 253, 191)  # magma's brightest
    image = framed(plot) if name.endswith("png") else framed(plot)[..., :3]
    files = {n: picture() for n in NAMES if n != "rock/rock.00000.png"}
    options = {"height": 218, "width": 336, "interpolation": "nearest", "pixel_range": "byte"}
    pixels = np.asarray(load(pictures({**files, name: image}), **options).X[[3]])[0]
    assert np.abs(pixels - plot.astype(int)).mean() <= (0 if name.endswith("png") else 4)
    uncut = np.asarray(load(pictures({}), crop_margin=False, **options).X[[3]])[0]
    assert (uncut[:24] >= 250).all()


@pytest.mark.parametrize(
    "bright",
    [
        np.s_[:2, :],
        np.s_[:, -3:],
        np.s_[:, :],
        (np.r_[0, 1, 33, 34], slice(None)),
    ],
    ids=["top", "right", "all", "top and bottom"],
)
def test_a_spectrogram_that_is_bright_at_its_edge_is_not_cut(bright):
    image = picture()
    image[bright] = 255
    assert cut_margin(image) is image


@pytest.mark.parametrize("name", COLOR_MAPS)
def test_the_level_is_what_was_drawn(pictures, load, name):
    drawn = np.random.default_rng(1).integers(0, 256, (218, 336)).astype(np.uint8)
    image = palette(name)[drawn]
    files = {n: framed(image[..., :3]) for n in NAMES[:-1]} | {NAMES[-1]: drawn}
    options = {"height": 218, "width": 336, "interpolation": "nearest", "pixel_range": "byte"}
    dataset = load(pictures(files), colour="level", **options)
    assert dataset.X.shape == (6, 218, 336, 1)
    read = np.asarray(dataset.X)[..., 0]
    # Two pairs of viridis's 256 colours are the same in 8 bits.
    assert np.abs(read - drawn.astype(int)).max() <= (name == "viridis")
    smaller = np.asarray(load(pictures(files), colour="level", interpolation="linear").X)
    linear = cv2.resize(read[0].astype(np.uint8), (50, 35), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(smaller[0, ..., 0], linear / 255, rtol=1e-6)


@pytest.mark.parametrize("name", ["bone", "hot", "jet", "turbo", "cividis", "cubehelix", "copper"])
def test_colours_without_a_level_are_refused(pictures, load, name):
    drawn = np.random.default_rng(1).beta(1, 5, (35, 50)) * 255  # most of it quiet, thus dark
    files = {n: picture()[..., 0] for n in NAMES[1:]}
    location = pictures(files | {NAMES[0]: palette(name)[drawn.astype(np.uint8)][..., :3]})
    (found,) = mistakes(load, location, colour="level")
    assert "allowed: a whole PNG or JPEG in colours of magma|viridis|inferno|plasma|gray" in found
    assert len(load(location, colour="level", on_error="skip")) == 5


def test_colours_come_in_the_order_that_is_asked_for(pictures, load):
    location = pictures({name: picture(i) for i, name in enumerate(NAMES)})
    rgb, bgr = (np.asarray(load(location, colour=colour).X) for colour in ("rgb", "bgr"))
    np.testing.assert_array_equal(bgr[..., ::-1], rgb)


def test_scrambled_pictures_are_read_in_rows_of_the_other_length(pictures, load):
    location = pictures({name: picture(i) for i, name in enumerate(NAMES)})
    upright, dataset = load(location), load(location, scrambled=True)
    assert dataset.X.shape == dataset.X[:].shape == (6, 50, 35, 3)
    expected = np.asarray(upright.X).reshape(6, 50, 35, 3)
    np.testing.assert_array_equal(dataset.X, expected)
    np.testing.assert_array_equal(dataset.take(np.array([4, 1])), expected[[4, 1]])
    np.testing.assert_array_equal(dataset.X.pixels, upright.X.pixels)
    assert (dataset.faults, upright.faults) == (("scrambled",), ())
    whole = np.asarray(load(location, scrambled=True, pixel_range="byte").X)
    np.testing.assert_array_equal(whole, dataset.X.pixels.reshape(6, 50, 35, 3))
    assert whole.dtype == np.uint8


def test_any_folder_below_the_root_is_read(pictures, load, tmp_path):
    location = pictures({name: picture(i) for i, name in enumerate(NAMES)})
    expected = np.asarray(load(location).X)
    (tmp_path / "images_original").rename(tmp_path / "mine")
    np.testing.assert_array_equal(load(location, folder="mine").X, expected)
    with pytest.raises(DataError, match=r"a folder with gone/ \(view.folder\)"):
        load(location, folder="gone")
    for outside in ("../mine", str(tmp_path), "."):
        with pytest.raises(ValidationError, match=r"a folder below data\.root"):
            SpectrogramsView(folder=outside)


def test_a_row_stays_a_row(pictures, load):
    image = np.zeros((288, 432, 3), np.uint8)
    image[144:148] = 240
    location = pictures({**{n: picture() for n in NAMES[:3]}, NAMES[3]: image, NAMES[4]: image})
    pixels = np.asarray(load(location, height=72, width=108).X[[3]])[0]
    rows = pixels.mean(axis=(1, 2))
    assert np.flatnonzero(rows).tolist() == [36]
    assert rows[36] == pytest.approx(240 / 255)


def test_pieces_of_a_picture_are_rows_of_their_own(pictures, load):
    image = picture(shape=(35, 150, 3))
    location = pictures({**{name: picture() for name in NAMES}, NAMES[4]: image})
    dataset = load(location, segments=3)
    assert dataset.ids[12:15].tolist() == [f"rock.00001.{n}" for n in range(3)]
    assert dataset.tracks[12:15].tolist() == ["rock.00001"] * 3
    pieces = np.asarray(dataset.take(np.arange(12, 15)))
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), image / 255, rtol=1e-6)
    assert load(location).fingerprint != dataset.fingerprint
    assert mistakes(load, location, segments=60)[0].endswith("50 columns cannot be cut into 60")


def test_a_second_run_reads_no_picture(pictures, load, monkeypatch):
    location = pictures({name: picture(i) for i, name in enumerate(NAMES)})
    first = load(location)
    read: list[str] = []
    original = SpectrogramsView._read
    monkeypatch.setattr(
        SpectrogramsView,
        "_read",
        lambda view, path: [read.append(path.name), original(view, path)][1],
    )
    again = load(location)
    assert read == []
    assert again.fingerprint == first.fingerprint
    np.testing.assert_array_equal(again.X, first.X)
    assert isinstance(again.X._pixels, np.memmap)
    assert again.X._pixels.dtype == np.uint8

    load(location, interpolation="linear")
    assert len(read) == 6
    read.clear()
    load(location, pixel_range="byte")
    assert read == []
    pictures({NAMES[0]: picture(9)})
    changed = load(location)
    assert len(read) == 6
    assert changed.fingerprint != first.fingerprint


BROKEN = {
    "empty": lambda raw: b"",
    "text": lambda raw: b"this is no picture",
    "half": lambda raw: raw[: len(raw) // 2],
    "last byte": lambda raw: raw[:-1],
    "head only": lambda raw: raw[:8],
    "nothing": lambda raw: raw,
}


def test_what_follows_a_picture_in_its_file_is_passed_over(pictures, load):
    files = {name: picture(i) for i, name in enumerate(NAMES)}
    location = pictures(files)
    first = load(location)
    raw = (location.folder() / "images_original" / NAMES[0]).read_bytes()
    again = load(pictures({NAMES[0]: raw + bytes(1000)}))
    np.testing.assert_array_equal(again.X, first.X)


@pytest.mark.parametrize(
    ("suffix", "harm"), [*product((".png", ".jpg"), list(BROKEN)[:-1]), (".webp", "nothing")]
)
def test_a_broken_picture_is_named_or_skipped(pictures, load, suffix, harm, capfd):
    raw = cv2.imencode(suffix, picture())[1].tobytes()
    files = {name: picture(i) for i, name in enumerate(NAMES)}
    bad = f"rock/rock.00009{suffix}"
    location = pictures({**files, bad: BROKEN[harm](raw)})
    (found,) = mistakes(load, location)
    assert found.startswith(
        f"images/{bad}: picture cannot be decoded; allowed: a whole PNG or JPEG"
    )
    dataset = load(location, on_error="skip")
    assert dataset.skipped == (str(location.folder() / "images_original" / bad),)
    assert len(dataset) == len(dataset.X) == 6
    assert load(location, on_error="skip").skipped == dataset.skipped
    np.testing.assert_allclose(
        dataset.X, np.stack(list(files.values())).astype(np.float32) / 255, rtol=1e-6
    )
    assert capfd.readouterr().err == ""


def test_a_flipped_bit_is_found(pictures, load):
    raw = bytearray(cv2.imencode(".png", picture())[1].tobytes())
    raw[len(raw) // 2] ^= 1
    location = pictures({**{name: picture() for name in NAMES}, "rock/rock.00009.png": bytes(raw)})
    assert "picture cannot be decoded" in mistakes(load, location)[0]


def test_a_picture_of_hundreds_of_megapixels_is_not_decoded(pictures, load, monkeypatch):
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4) + body + zlib.crc32(body).to_bytes(4)

    header = (30_000).to_bytes(4) + (20_000).to_bytes(4) + b"\x08\0\0\0\0"
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    location = pictures({"rock/rock.00000.png": b"\x89PNG\r\n\x1a\n" + parts})
    monkeypatch.setattr(cv2, "imdecode", None)
    (found, *_) = [line for line in mistakes(load, location) if "decoded" in line]
    assert "30000 x 20000 pixels" in found


def test_skipping_must_leave_enough(pictures, load):
    location = pictures({name: picture() if "blues" in name else b"" for name in NAMES})
    assert "nothing to tell apart" in mistakes(load, location, on_error="skip")[0]
    location = pictures(dict.fromkeys(NAMES, b""))
    assert mistakes(load, location, on_error="skip")[0].startswith("images: no readable picture")


def test_what_cannot_be_opened_is_named(pictures, load, tmp_path):
    location = pictures({name: picture() for name in NAMES})
    (tmp_path / "images_original/rock/rock.00008.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "images_original/rock/rock.00009.png").mkdir()
    assert [line.partition(";")[0] for line in mistakes(load, location)] == [
        f"images/rock/rock.0000{number}.png: picture cannot be read" for number in (8, 9)
    ]


def test_everything_wrong_with_pictures_is_said_at_once(pictures, load):
    files = {name: picture() for name in NAMES}
    files |= {"rok/rok.00000.png": picture(), "jazz/jazz.00000.png": b"", "pop/a.png": picture()}
    found = mistakes(load, pictures(files))
    assert [line.partition("; allowed")[0] for line in found] == [
        "images: class 'jazz' cannot be split",
        "images: class 'pop' cannot be split",
        "images: unknown class (nearest: rock)",
        "images/jazz/jazz.00000.png: picture cannot be decoded",
    ]


def test_two_pictures_of_a_track_are_refused(pictures, load):
    files = {**{name: picture() for name in NAMES}, "rock/rock00001.png": picture()}
    (found,) = mistakes(load, pictures(files))
    assert "two pictures of rock.00001" in found
    assert "rock.00001.png" in found
    assert "rock00001.png" in found


def test_what_systems_leave_behind_is_not_read(pictures, load):
    junk = ["rock/._rock.00000.png", ".ipynb_checkpoints/rock.00000.png", "rock/Thumbs.db"]
    files = {**{name: picture() for name in NAMES}, **dict.fromkeys(junk, b"junk")}
    assert len(load(pictures(files))) == 6


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names")
def test_a_name_that_is_not_text_is_refused(pictures, load):
    location = pictures({name: picture() for name in NAMES})
    root = os.fsencode(location.folder() / "images_original" / "rock")
    with open(os.path.join(root, b"f\xfcr.png"), "wb"):
        pass
    (found,) = mistakes(load, location)
    got = r"'f\udcfcr.png'"
    assert found == f"images/rock: name is not text; allowed: UTF-8 on one line; got: {got}"


@pytest.mark.parametrize(
    ("made", "where"), [([], "data.root"), (["images_original/rock"], "images")]
)
def test_no_pictures(pictures, load, tmp_path, made, where):
    for folder in made:
        (tmp_path / folder).mkdir(parents=True)
    assert mistakes(load, pictures({}))[0].startswith(f"{where}: no pictures")


@pytest.mark.slow
@pytest.mark.gtzan
def test_the_real_pictures(gtzan_root, tmp_path):
    dataset = SpectrogramsView().load(place(gtzan_root), cache=tmp_path)
    assert dataset.X.shape == (999, 70, 100, 3)
    assert dataset.classes == GENRES
    assert "jazz.00054" not in dataset.ids
    path = gtzan_root / "images_original/metal/metal00042.png"
    plot = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)[35:253, 54:390]
    expected = cv2.resize(plot, (100, 70), interpolation=cv2.INTER_AREA) / np.float32(255)
    row = np.flatnonzero(dataset.ids == "metal.00042")
    np.testing.assert_allclose(np.asarray(dataset.X[row])[0], expected, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.gtzan
def test_levels_are_those_of_the_mel_spectrograms_of_the_tracks(gtzan_root):
    """Kaggle's pictures hold twice the decibels, cell over cell; ``images_mel`` correct ones."""
    librosa = librosa_loader.load()

    tracks = [t for t in scan_tracks(gtzan_root / "genres_original")[0] if t.id != "jazz.00054"]
    assert len(tracks) == 33
    for folder, height in {"images_original": 217, "images_mel": 128}.items():
        view = SpectrogramsView(
            folder=folder, colour="level", height=height, width=335, pixel_range="byte"
        )
        hear = view.from_sound(prepare_settings(gtzan_root, view))
        for track in tracks:
            name = track.id if folder == "images_mel" else track.id.replace(".", "")
            path = gtzan_root / folder / track.genre / f"{name}.png"
            read = np.asarray(view.as_inputs(view.decode(path.read_bytes())))[0, ..., 0]
            y = load_audio(track.path)
            if folder == "images_original":
                difference = cv2.absdiff(read, np.asarray(hear(y))[0, ..., 0])
                assert (difference.mean() < 0.002, difference.max() < 20) == (True, True), track
                continue
            mel = librosa.feature.melspectrogram(y=y, sr=22050, pad_mode="reflect")
            drawn = librosa.power_to_db(mel, ref=np.max)
            drawn = (drawn - drawn.min()) * 255 / -drawn.min()
            drawn = cv2.resize(drawn, (335, height), interpolation=cv2.INTER_AREA)[::-1]
            for other in (drawn, np.asarray(hear(y))[0, ..., 0]):
                assert np.abs(read - other.astype(float)).mean() < 9, track
                assert np.corrcoef(read.ravel(), other.ravel())[0, 1] > 0.93, track


@pytest.mark.parametrize("name", ["pixels.npy", "meta.json"])
def test_a_damaged_copy_of_the_pictures_is_made_again(pictures, load, tmp_path, name):
    location = pictures({name: picture(i) for i, name in enumerate(NAMES)})
    expected = np.asarray(load(location).X)
    (copy,) = (tmp_path / "cache").glob(f"images/*/{name}")
    raw = copy.read_bytes()
    copy.unlink()
    copy.write_bytes(raw[:-1])
    np.testing.assert_array_equal(np.asarray(load(location).X), expected)
