"""What names say of pieces of tracks: a common stem, and a number that counts through the track."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words beside the number of a piece, beside that of a whole track, and in names that say nothing.
_PIECE = _words(
    """
    part parts pt pts piece pieces seg segm segment segments chunk chunks clip clips slice
    slices split splits snippet snip excerpt extract fragment frag crop section sec secs second
    seconds window win frame frames block patch cut sample subclip offset off start starts begin
    from t time pos position ss ts teil abschnitt ausschnitt stück stueck schnipsel partie
    morceau extrait tranche début debut parte trozo fragmento segmento recorte tramo pezzo
    estratto frammento trecho pedaço deel stuk osa część czesc fragmentu часть фрагмент отрывок
    parça bölüm 部分 片段 段 パート 区間 조각 부분
    """
)
_WHOLE = _words(
    """
    track tracks trk piste pista traccia brano faixa no nos nr num number nummer id op opus cd disc
    disk vol volume album symphony sinfonie symphonie sinfonia sonata sonate concerto konzert
    quartet prelude étude etude nocturne waltz suite fugue movement mvt mov satz bwv kv rv hob woo
    of трек 曲
    """
)
_COUNTED = _words("no nos nr num number id idx index")
_GENERIC = (
    _words(
        """
        song songs tune titel title lied titre chanson canción cancion canzone tema música песня 歌
        take version ver mix remix audio file files sound music data dataset gtzan train test val
        valid validation untitled unknown unnamed unbenannt output out export record recording
        aufnahme enregistrement datei fichier archivo arquivo wav mp3 flac ogg au genre artist
        band interpret artiste artista autor author composer image img picture spectrogram spec
        mel melspec item entry example new the of und and et la el le der die das de
        """
    )
    | _WHOLE
    | _PIECE
)
_BESIDE = _PIECE | _COUNTED
_APART = " \t\u00a0_-\u2013\u2014.,:;([{#=~+/\\&@'|"
_UNIT = r"(?:s|sec|secs|second|seconds|ms|min|mins|m)(?![^\W\d_])"
_JOIN = re.compile(
    r"[\W_]*(?:(?:h|m|s|ms|min|mins|sec|secs|to|until|till|bis|through|end|ends|stop|e|à|au|al|a)"
    r"[\W_]*){0,2}",
    re.IGNORECASE,
)
_RIGHT = re.compile(rf"(?:[ _]?{_UNIT})?[)\]}}\s]*", re.IGNORECASE)
_WORD = re.compile(r"(?<=[a-z])[A-Z][a-z]+$|(?<![^\W\d_])[^\W\d_]+$")
_LETTER = re.compile(r"(?<=[\d\s_\-])([a-zA-Z])$")
_SAID = {
    word: number
    for words in (
        "i ii iii iv v vi vii viii ix x",
        "one two three four five six seven eight nine ten",
        "a b c d e f g h",
    )
    for number, word in enumerate(words.split(" "), start=1)
}
_PART_SAID = re.compile(
    rf"(?:(?<=part|teil)|(?<=pt))([\s_\-.]+)({'|'.join(_SAID)})(?=\W*$)", re.IGNORECASE
)
_LAST, _LONGEST = 4, 6
_EVEN = 0.9
_MAX_NAMES, _NAMES_OF_GENRE = 10_000, 1_000


@dataclass(frozen=True)
class Reading:
    """One way to take a name apart.

    Parameters
    ----------
    stem : str
        The name without what tells the piece.
    spelling : str
        How the numbers are written beside the stem; pieces cut by one tool share it.
    numbers : tuple of str
        One for a counter or an offset, more for decimals, clock times and ranges.
    by_word : bool
        A word or a unit says that a piece is meant.
    """

    stem: str
    spelling: str
    numbers: tuple[str, ...]
    by_word: bool


@dataclass(frozen=True)
class Candidate:
    """Rows that may be pieces by their names, all in one spelling.

    Parameters
    ----------
    spelling : str
    rows : ndarray of int, shape (n,)
        Members of stems with two members or more, in genres with two such stems or more.
    stems : ndarray of int, shape (n,)
        A number for each genre and stem.
    order : ndarray of float, shape (n,)
        Where in its track a piece starts.
    by_word : bool
        Words, units or ranges say that they are pieces; otherwise they only count like pieces.
    is_even : bool
        Nearly all stems have the same number of members.
    """

    spelling: str
    rows: np.ndarray
    stems: np.ndarray
    order: np.ndarray
    by_word: bool
    is_even: bool


def readings(name: str, common: frozenset[str] = frozenset()) -> Iterator[Reading]:
    """Yield the ways to take a name apart, what stands last in it first.

    Not among them are those whose stem says nothing (generic words and those of `common` alone),
    and those whose number is said to be that of a whole track (``Op. 27 No. 2``, ``x track 5``).

    Parameters
    ----------
    name : str
        The name of a row without genre and file ending.
    common : frozenset of str
        Words that tell no track from others, in lower case: the genres.
    """
    name = unicodedata.normalize("NFKC", name)
    counted = _PART_SAID.sub(lambda found: f"{found[1]}{_SAID[found[2].lower()]}", name)
    yield from _spans(counted, common)
    lettered = _LETTER.sub(lambda found: f"@{ord(found[1].lower()) - 96}", name)
    if lettered != name:
        yield from itertools.islice(_spans(lettered, common), 1)


def _spans(name: str, common: frozenset[str]) -> Iterator[Reading]:
    """Yield a reading for each number, or several that one value is written with."""
    found = [match.span() for match in re.finditer(r"\d+", name)]
    for last in reversed(range(len(found))):
        if 0 < last < len(found) - _LAST:
            continue
        for first in range(last, max(-1, last - _LONGEST), -1):
            if first < last and not _JOIN.fullmatch(name, found[first][1], found[first + 1][0]):
                break
            reading = _reading(name, found, first, last, common)
            if reading is not None:
                yield reading


def _reading(
    name: str, found: list[tuple[int, int]], first: int, last: int, common: frozenset[str]
) -> Reading | None:
    before = found[first - 1][1] if first else 0
    start, end = found[first][0], found[last][1]
    left, words = _without_words(name[before:start])
    if words & _WHOLE and not words & _PIECE:
        if first == last:
            return None
        left, words = name[before:start].rstrip(_APART), set()
    right = _RIGHT.match(name, end, found[last + 1][0] if last + 1 < len(found) else len(name))[0]
    head, tail = name[:before] + left, name[end + len(right) :]
    stem = (head + tail if head else tail).strip(_APART)
    if not any(map(str.isdecimal, stem)):
        said = re.findall(r"[^\W_]+", stem.casefold())
        if all(word in _GENERIC or word in common for word in said):
            return None
    joins = [name[found[i][1] : found[i + 1][0]] for i in range(first, last)]
    beside = name[before + len(left) : start].casefold(), *joins, right
    place = "^" if not head else f"${len(found) - last}" if tail else "$"
    units = any(char.isalpha() for char in "".join((*joins, right)))
    by_word = units or any(len(word) > 1 for word in words & _PIECE)
    numbers = tuple(name[i:j] for i, j in found[first : last + 1])
    return Reading(stem, "#".join(beside) + place, numbers, by_word)


def _without_words(text: str) -> tuple[str, set[str]]:
    """Return a text without the words at its end that say what is counted, and these words."""
    words: set[str] = set()
    while True:
        rest = text.rstrip(_APART)
        found = _WORD.search(rest)
        word = found[0].casefold() if found else ""
        if word not in _BESIDE and (word not in _WHOLE or words & _PIECE):
            return rest, words
        words.add(word)
        text = rest[: found.start()]


def candidates(names: Sequence[str], labels: np.ndarray, among: np.ndarray) -> list[Candidate]:
    """Return the spellings by which names may be those of pieces.

    Of more than 10,000 names the first 1,000 of each genre are read.

    Parameters
    ----------
    names : sequence of str, length n
        Without genre and file ending, sorted.
    labels : ndarray of str, shape (n,)
    among : ndarray of int
        The rows to read.
    """
    genres, codes = np.unique(labels, return_inverse=True)
    common = words_of(genres.tolist())
    if len(among) > _MAX_NAMES:
        rows = [among[codes[among] == code][:_NAMES_OF_GENRE] for code in range(len(genres))]
        among = np.concatenate(rows)
    found: dict[str, list[tuple[int, tuple[int, str], Reading]]] = defaultdict(list)
    for row in among.tolist():
        for reading in readings(names[row], common):
            found[reading.spelling].append((row, (int(codes[row]), reading.stem), reading))
    made = (_candidate(spelling, members) for spelling, members in found.items())
    return [candidate for candidate in made if candidate is not None]


def words_of(genres: Sequence[str]) -> frozenset[str]:
    """Return the words in the names of genres, and each name in one word."""
    words = [re.findall(r"[^\W\d_]+", genre.casefold()) for genre in genres]
    return frozenset([word for some in words for word in some] + ["".join(some) for some in words])


def _candidate(
    spelling: str, members: list[tuple[int, tuple[int, str], Reading]]
) -> Candidate | None:
    keys = sorted({key for _, key, _ in members})
    code_of = {key: code for code, key in enumerate(keys)}
    stems = np.array([code_of[key] for _, key, _ in members])
    genre = np.array([key[0] for key in keys])
    shared = np.bincount(stems) > 1
    kept = shared & (np.bincount(genre, weights=shared)[genre] > 1)
    chosen = np.flatnonzero(kept[stems])
    if not len(chosen):
        return None
    numbers = [members[i][2].numbers for i in chosen]
    by_word = members[0][2].by_word
    starts, is_range = _starts(numbers, spelling.split("#")[1:-1])
    stems = np.unique(stems[chosen], return_inverse=True)[1]
    if not is_range and not by_word and not _counts(starts, stems):
        return None
    rows = np.array([members[i][0] for i in chosen])
    is_even = np.bincount(np.bincount(stems)).max() >= _EVEN * (stems.max() + 1)
    return Candidate(spelling, rows, stems, starts, by_word or is_range, bool(is_even))


def _starts(numbers: list[tuple[str, ...]], joins: list[str]) -> tuple[np.ndarray, bool]:
    """Return where each piece starts, and whether the numbers are ranges."""
    if len(joins) % 2:
        half = len(joins) // 2
        begin, end = (
            _scalars([n[part] for n in numbers], joins[:half])
            for part in (slice(half + 1), slice(half + 1, None))
        )
        widths = end - begin
        _, times = np.unique(widths, return_counts=True)
        if (widths > 0).mean() > 0.95 and times.max() > 0.7 * len(widths):
            return begin, True
    return _scalars(numbers, joins), False


def _scalars(numbers: list[tuple[str, ...]], joins: list[str]) -> np.ndarray:
    """Return numbers as decimals where a dot or a comma joins two, and as times of day else."""
    if len(joins) == 1 and joins[0] in (".", ","):
        digits = min(9, max(len(fraction) for _, fraction in numbers))
        return np.array([float(a + b[:digits].ljust(digits, "0")) for a, b in numbers])
    values = np.array([[float(number) for number in several] for several in numbers])
    return values @ 60.0 ** np.arange(values.shape[1])[::-1]


def _counts(starts: np.ndarray, stems: np.ndarray) -> bool:
    """Tell whether numbers begin low in most stems and leave out few of their common steps."""
    order = np.lexsort((starts, stems))
    starts, stems = starts[order], stems[order]
    steps = np.diff(starts)[np.diff(stems) == 0]
    if starts.max() >= 2**53 or not steps.any():
        return False
    step = max(1, int(np.gcd.reduce(steps.astype(np.int64))))
    sizes = np.bincount(stems)
    ends = np.cumsum(sizes)
    lowest, highest = starts[ends - sizes], starts[ends - 1]
    wanted = highest // step + (lowest == 0)
    return bool((lowest <= step).mean() >= 0.6 and sizes.sum() >= 0.5 * wanted.sum())
