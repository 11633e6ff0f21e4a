"""Intervals for tracks that are alike by artist: by hand, at the edges, and by their coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from gtzan_exp.evaluation.intervals import (
    Answers,
    accuracy_interval,
    corrected_interval,
    difference,
    wilson,
)


def test_artists_of_one_track_have_the_logit_interval_of_a_share():
    """9 of 12 alone: variance p (1 - p) / 11, by the logit's slope 1 / (11 p (1 - p))."""
    right = np.array([True] * 9 + [False] * 3)
    found = accuracy_interval(Answers(right, np.arange(12)))
    # Errors of 9 times 1/4 and 3 times 3/4, by 12: 2 (9/16 + 27/16)**2 / (9/256 + 243/256) = 10.3
    t = stats.t.ppf(0.975, 2 * (36 / 16) ** 2 / (252 / 256))
    half = t / math.sqrt(11 * 0.75 * 0.25)
    ends = [1 / (1 + math.exp(-(math.log(3) + side * half))) for side in (-1, 1)]
    assert (found.low, found.high) == pytest.approx(ends)
    assert (found.n, found.artists) == (12, 12)


def test_two_alike_tracks_of_each_artist_count_as_one():
    """Twelve artists with all right or all wrong say no more than one track of each does."""
    right = np.array([True] * 9 + [False] * 3)
    once = accuracy_interval(Answers(right, np.arange(12)))
    twice = accuracy_interval(Answers(np.repeat(right, 2), np.repeat(np.arange(12), 2)))
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))
    alone = accuracy_interval(Answers(np.repeat(right, 2), np.arange(24)))
    assert twice.low < alone.low < alone.high < twice.high


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)],
)
def test_unknown_artists_have_newcombes_table(right, n, low, high):
    """R. G. Newcombe, Stat. Med. 17, 1998, table I, method 3."""
    assert wilson(right / n, n) == pytest.approx((low, high), abs=5e-5)
    found = accuracy_interval(Answers(np.arange(n) < right))
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert (found.n, found.artists) == (n, 0)


@pytest.mark.parametrize("right", [True, False])
def test_without_any_error_large_artists_count_as_effective_ones(right):
    """Artists of 10, 1, ..., 1 (20 tracks) are 20**2 / (100 + 10) independent cases."""
    artist = np.array(["a"] * 10 + [f"b{i}" for i in range(10)])
    found = accuracy_interval(Answers(np.full(20, right), artist))
    assert (found.low, found.high) == pytest.approx(wilson(float(right), 400 / 110))
    assert found.artists == 11


def test_few_artists_have_wilsons_interval_on_the_effective_sample_size():
    """Four pairs, three of them right: error**2 = 4/3 (3 (2/4)**2 + (6/4)**2) / 64 = 1/16.

    So 3/4 1/4 16 = 3 cases, and Student's t with 4 - 1 degrees of freedom.
    """
    right = np.repeat([True, True, True, False], 2)
    found = accuracy_interval(Answers(right, np.repeat(list("abcd"), 2)))
    assert (found.low, found.high) == pytest.approx(wilson(0.75, 3, stats.t.ppf(0.975, 3)))


def test_ten_artists_are_enough_for_the_logit():
    """Alone, n artists have an error**2 of p (1 - p) / (n - 1): as n - 1 cases of Wilson's."""
    for n, few in ((9, True), (10, False)):
        found = accuracy_interval(Answers(np.arange(n) < 5, np.arange(n)))
        p = 5 / n
        degrees = 2 * (n * p * (1 - p)) ** 2 / (5 * (1 - p) ** 4 + (n - 5) * p**4)
        wilsons = wilson(p, n - 1, stats.t.ppf(0.975, min(n - 1, degrees)))
        assert ((found.low, found.high) == pytest.approx(wilsons)) is few


def test_few_artists_that_are_alike_do_not_make_tracks_more_than_they_are():
    """2, 2, 2 and 3 of 4 right: error**2 = 4/3 (3 + 9) / 16 / 256 = 1/256, as of 63 tracks."""
    right = np.tile([True, True, False, False], 4)
    right[-1] = True
    found = accuracy_interval(Answers(right, np.repeat(np.arange(4), 4)))
    assert (found.low, found.high) == pytest.approx(wilson(9 / 16, 16, stats.t.ppf(0.975, 3)))


def test_one_artist_says_nothing_of_others():
    one = Answers(np.array([True, False, True]), np.array(["a"] * 3))
    other = Answers(np.array([True, True, True]), np.array(["a"] * 3))
    interval = accuracy_interval(one)
    assert (interval.low, interval.high, interval.artists) == (0, 1, 1)
    found = difference(one, other)
    assert (found.low, found.high) == (-1, 1)
    assert found.value == pytest.approx(-1 / 3)
    assert np.isnan(found.p)


def test_the_order_of_tracks_does_not_matter():
    rng = np.random.default_rng(0)
    artist, fold = rng.integers(0, 30, 200), rng.integers(0, 5, 200)
    a, b = rng.random(200) < 0.8, rng.random(200) < 0.7
    order = rng.permutation(200)
    first = [Answers(right, artist, fold, 0.25) for right in (a, b)]
    moved = [
        Answers(right[order], artist[order].astype(str), fold[order], 0.25) for right in (a, b)
    ]
    assert _numbers(*moved) == pytest.approx(_numbers(*first))


def test_bounds_are_in_order_and_possible():
    rng = np.random.default_rng(1)
    for artists in (2, 3, 9, 10, 40):
        artist = np.concatenate([np.arange(artists), rng.integers(0, 2, 60)])
        for share in (0.02, 0.5, 0.98):
            pair = [Answers(rng.random(len(artist)) < share, artist) for _ in range(2)]
            interval, found = accuracy_interval(pair[0]), difference(*pair)
            assert 0 <= interval.low <= pair[0].accuracy <= interval.high <= 1
            assert -1 <= found.low <= found.value <= found.high <= 1
            assert 0 <= found.p <= 1


def test_the_accuracy_of_folds_is_their_mean_and_overlap_widens_its_interval():
    """Two folds of 2 and 4 tracks; with as many test as training tracks the variance is twice."""
    right = np.array([True, False, True, True, True, True])
    answers = Answers(right, np.arange(6), np.array([1, 1, 2, 2, 2, 2]), 1.0)
    assert answers.accuracy == pytest.approx((1 / 2 + 1) / 2)
    right, artist = np.array([True] * 16 + [False] * 8), np.arange(24)
    plain = accuracy_interval(Answers(right, artist))
    fold = np.arange(24) % 2
    folded = accuracy_interval(Answers(right, artist, fold, 1.0))
    halves = [math.log(i.high / (1 - i.high)) - math.log(2) for i in (plain, folded)]
    assert halves[1] == pytest.approx(halves[0] * math.sqrt(1 + 0.5 * (1 + 1.0)))
    other = np.roll(right, 5)  # a difference of protocols or models is widened more
    pairs = [[Answers(of, artist, *folds) for of in (right, other)] for folds in ((), (fold, 1.0))]
    plain, folded = (difference(*pair) for pair in pairs)
    assert folded.high == pytest.approx(plain.high * math.sqrt(1 + 1.0 * (1 + 1.0)))


def test_repeats_of_the_same_answers_bring_nothing():
    rng = np.random.default_rng(2)
    right, artist, fold = rng.random(60) < 0.7, rng.integers(0, 20, 60), np.arange(60) % 5
    once = Answers(right, artist, fold, 0.25)
    folds = np.concatenate([fold, fold + 5, fold + 10])
    thrice = Answers(np.tile(right, 3), np.tile(artist, 3), folds, 0.25)
    found, again = accuracy_interval(once), accuracy_interval(thrice)
    assert (again.low, again.high) == pytest.approx((found.low, found.high))


def test_a_difference_by_artists_is_students_paired_test():
    """Artists of two tracks each: the t test over the artists' own mean differences."""
    rng = np.random.default_rng(3)
    artist = np.repeat(np.arange(12), 2)
    a, b = rng.random(24) < 0.8, rng.random(24) < 0.4
    found = difference(Answers(a, artist), Answers(b, artist))
    means = (a.astype(float) - b).reshape(12, 2).mean(axis=1)
    expected = stats.ttest_1samp(means, 0)
    assert found.value == pytest.approx(means.mean())
    assert found.p == pytest.approx(expected.pvalue)
    half = stats.t.ppf(0.975, 11) * stats.sem(means)
    ends = (found.value - half, found.value + half)
    assert (found.low, found.high) == pytest.approx(ends)


def test_a_few_artists_that_decide_leave_few_degrees_of_freedom():
    """Of 40 artists 5 alone tell the models apart: errors of 7/8 five times and 1/8 35 times."""
    artist, differ = np.arange(40), np.arange(40) < 5
    found = difference(Answers(np.ones(40, bool), artist), Answers(~differ, artist))
    squares, fourths = ((5 * 7**k + 35) / 8**k for k in (2, 4))
    degrees = 2 * squares**2 / fourths
    assert degrees < 14
    t = (5 / 40) / (math.sqrt(40 / 39 * squares) / 40)
    assert found.p == pytest.approx(2 * stats.t.sf(t, degrees))


def test_models_that_never_differ_may_do_so_on_other_artists():
    right, artist = np.arange(40) < 30, np.repeat(np.arange(20), 2)
    found = difference(Answers(right, artist), Answers(right, artist))
    most = wilson(0.0, 20)[1]
    assert (found.value, found.p) == (0, 1)
    assert (found.low, found.high) == pytest.approx((-most, most))


def test_the_same_difference_for_each_artist_has_no_p():
    artist = np.arange(20)
    found = difference(Answers(np.ones(20, bool), artist), Answers(np.zeros(20, bool), artist))
    assert np.isnan(found.p)
    assert (found.low, found.high) == pytest.approx((1 - wilson(0.0, 20)[1], 1))
    other = difference(Answers(np.zeros(20, bool), artist), Answers(np.ones(20, bool), artist))
    assert (other.low, other.high) == (-found.high, -found.low)


def test_protocols_share_the_artists_that_both_tested():
    """What nested test parts have in common cancels; the errors of other artists add up."""
    rng = np.random.default_rng(4)
    artist = rng.integers(0, 40, 300)
    right = rng.random(40)[artist] > 0.4
    whole, part = Answers(right, artist), Answers(right[:250], artist[:250])
    shared = difference(whole, part)
    apart = difference(whole, Answers(part.right, part.artist + 100))
    assert shared.high - shared.low < (apart.high - apart.low) / 3
    assert (shared.artists, apart.artists, shared.n) == (40, 80, 300)
    folded = Answers(right, artist, np.arange(300) % 5, 0.25)
    wider = difference(folded, part)
    assert wider.high - wider.low > 1.4 * (shared.high - shared.low)


def test_intervals_and_tests_hold_for_artists_with_accuracies_of_their_own():
    """500 draws: Wilson's interval misses the truth far too often, and so does a test by tracks."""
    rng = np.random.default_rng(5)
    sizes = np.maximum(1, np.round(19 * np.exp(-np.arange(108) / 12))).astype(int)
    artist = np.repeat(np.arange(108), sizes)
    held, by_tracks, significant = [], [], []
    for _ in range(500):
        a, b = (rng.random(len(artist)) < rng.beta(0.6, 0.4, 108)[artist] for _ in range(2))
        found = accuracy_interval(Answers(a, artist))
        held.append(found.low <= 0.6 <= found.high)
        low, high = wilson(float(a.mean()), len(a))
        by_tracks.append(low <= 0.6 <= high)
        significant.append(difference(Answers(a, artist), Answers(b, artist)).p <= 0.05)
    assert np.mean(by_tracks) < 0.75
    assert 0.93 <= np.mean(held) <= 0.97
    assert 0.03 <= np.mean(significant) <= 0.07


def _numbers(a: Answers, b: Answers) -> list[float]:
    interval, found = accuracy_interval(a), difference(a, b)
    return [interval.low, interval.high, found.low, found.high, found.p]


def test_the_corrected_t_by_hand():
    """Mean 0.04, s**2 = 0.001, (1/5 + 1/4) s**2 = 0.00045: t = 1.885618 with 4 degrees of freedom.

    For 4 degrees of freedom the tail is 1/2 - (x / 2) (1 + (1 - x**2) / 2) with
    x = t / sqrt(4 + t**2), integrating the density.
    """
    differences = np.array([0.0, 0.02, 0.04, 0.06, 0.08])
    t = 0.04 / math.sqrt(0.45 * 0.001)
    x = t / math.sqrt(4 + t**2)
    assert corrected_interval(differences, 0.25).p == pytest.approx(1 - x * (1 + (1 - x**2) / 2))
    assert corrected_interval(-differences, 0.25).p == corrected_interval(differences, 0.25).p
    assert corrected_interval(differences, 0.0).p < corrected_interval(differences, 0.25).p
    assert corrected_interval(np.zeros(5), 0.25).p == 1
    assert np.isnan(corrected_interval(np.full(5, 0.1), 0.25).p)
