"""Names of pieces of tracks: a common stem, and a number that counts through the track."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words before the number of a piece, before that of a whole track, and in generic names.
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
_APART = " \t\u00a0_-\u2013\u2014.,:;([{#=~+/\\&@'|"
_GAP = rf"[{re.escape(_APART)}]*"
_PIECE_SAID, _COUNT_SAID = ("|".join(sorted(words)) for words in (_PIECE, _COUNTED))
_SAYS = (
    r"(?:(?<![^\W\d_])(?=[^\W\d_])|(?-i:(?<=[a-z])(?=[A-Z])))"
    rf"(?:(?:{_PIECE_SAID})(?![^\W\d_]){_GAP})+(?:(?:{_COUNT_SAID})(?![^\W\d_]){_GAP})?"
)
_SAID = {
    word: number
    for words in (
        "i ii iii iv v vi vii viii ix x",
        "one two three four five six seven eight nine ten",
        "a b c d e f g h",
    )
    for number, word in enumerate(words.split(" "), start=1)
}
_NUMERAL = rf"(?:{'|'.join(_SAID)})(?=\W*$)"
_FRACTION = r"(?<!\d)\d+(?:[.,]\d+|[:hm]\d+(?:[:m]\d+)?)"
_TIME = rf"(?:{_FRACTION}|(?<!\d)\d+)(?!\d)"
_UNIT = r"(?:[ _]?(?:s|secs?|seconds?|ms|mins?|m)(?![^\W\d_]))"
_JOIN = r"[\W_]*(?:(?:to|until|till|bis|through|ends?|stop|e|à|au|al|a)[\W_]*)?"
_END = r"[)\]}\s]*"

_WAYS = {
    way: re.compile(pattern, re.IGNORECASE)
    for way, pattern in {
        "word": rf"(?P<stem>.+){_SAYS}(?P<begin>{_TIME}|{_NUMERAL}){_UNIT}?{_END}(?P<tail>.*)",
        "range": rf"(?P<stem>.+?)(?P<begin>{_TIME}){_UNIT}?{_JOIN}"
        rf"(?P<end>{_TIME}){_UNIT}?{_END}",
        "unit": rf"(?P<stem>.+?)(?P<begin>{_TIME}){_UNIT}{_END}",
        "fraction": rf"(?P<stem>.+?)(?P<begin>{_FRACTION}){_END}",
        "number": rf"(?P<stem>.+)(?<!\d)(?P<begin>\d+){_END}",
        "letter": r"(?P<stem>.+[\d\s_\-])(?P<begin>[a-z])",
        "first": rf"(?P<word>{_SAYS})?(?P<begin>\d+)(?P<stem>\D.*)",
        "inside": r"(?P<stem>.+?)(?<!\d)(?P<begin>\d+)(?P<tail>\D+\d*\D*)",
    }.items()
}
"""Patterns of the number of a piece, the plainest last."""

_NAMES_OF_GENRE = 1_000
_LARGEST = 1e12


class Reading(NamedTuple):
    """One way to parse a name."""

    spelling: str  # how numbers are written beside the stem; the same for pieces cut by one tool
    stem: str  # the name without the part that identifies the piece
    by_word: bool  # whether a word, a unit or a range marks a piece
    begin: float  # a counter or a time, as `end`, which is NaN unless it is a range
    end: float


@dataclass(frozen=True)
class Candidate:
    """Rows that may be pieces by their names, all with one spelling."""

    spelling: str
    by_word: bool  # whether a word, a unit or a range marks them; otherwise they are only numbered
    # ``row``, ``genre``, ``stem`` (a code for each genre and stem) and ``place`` (the rank of the
    # number within the stem). Stems have at least two members, and genres two such stems.
    members: pd.DataFrame


def readings(name: str, common: frozenset[str] = frozenset()) -> Iterator[Reading]:
    """Yield the ways to parse a name without genre and file extension.

    Not those whose stem is generic (only generic words and `common`, those of genres), or whose
    number is marked as that of a whole track (``Op. 27 No. 2``, ``x track 5``).
    """
    name = unicodedata.normalize("NFKC", name)
    for way, pattern in _WAYS.items():
        found = pattern.fullmatch(name)
        if found is None:
            continue
        groups = found.groupdict()
        before, tail = groups["stem"].strip(_APART), groups.get("tail", "")
        by_word = way in ("word", "range", "unit") or groups.get("word") is not None
        said = re.findall(r"[^\W\d_]+", before.casefold())
        if not by_word and said and before[-1].isalpha() and said[-1] in _WHOLE:
            continue
        if not re.search(r"\d", before + tail) and _GENERIC.union(common).issuperset(said):
            continue
        spans = sorted(found.span(group) for group in groups.keys() - {"word"})
        edges = [0, *(edge for span in spans for edge in span), len(name)]
        beside = [name[i:j] for i, j in zip(edges[::2], edges[1::2], strict=True)]
        spelling = "#".join((way, *beside)).casefold()
        begin = ord(groups["begin"].lower()) - 96 if way == "letter" else _value(groups["begin"])
        end = _value(groups["end"]) if way == "range" else np.nan
        yield Reading(spelling, before + tail, by_word, begin, end)


def _value(text: str) -> float:
    """Return the value of a number, in digits or as a word, or of a time in its last unit."""
    text = text.casefold()
    if text in _SAID:
        return float(_SAID[text])
    value = 0.0
    for part in re.split("[:hm]", text.replace(",", ".")):
        value = 60 * value + float(part)
    return value


def words_of(genres: Iterable[str]) -> frozenset[str]:
    """Return the words in the names of genres, and each name as one word."""
    words = [re.findall(r"[^\W\d_]+", genre.casefold()) for genre in genres]
    return frozenset([word for some in words for word in some] + ["".join(some) for some in words])


def candidates(names: Sequence[str], labels: np.ndarray, among: np.ndarray) -> list[Candidate]:
    """Return the candidate groups of pieces by sorted names without genre, one for each spelling.

    Of the rows `among` them, the first 1,000 of each genre are read.
    """
    common = words_of(np.unique(labels).tolist())
    rows = pd.Series(among).groupby(labels[among]).head(_NAMES_OF_GENRE).tolist()
    read = pd.DataFrame(
        [(row, labels[row], *found) for row in rows for found in readings(names[row], common)],
        columns=["row", "genre", *Reading._fields],
    )
    read = read[read.duplicated(["spelling", "genre", "stem"], keep=False)]
    stems = read.groupby(["spelling", "genre"])["stem"].transform("nunique")
    return [
        candidate
        for spelling, members in read[stems > 1].groupby("spelling", sort=False)
        if (candidate := _candidate(str(spelling), members)) is not None
    ]


def _candidate(spelling: str, members: pd.DataFrame) -> Candidate | None:
    """Return the candidate if its numbers are ranges of mostly one width, or count."""
    members = members.assign(stem=members.groupby(["genre", "stem"]).ngroup())
    by_word = bool(members["by_word"].all())
    if spelling.startswith("range"):
        widths = members["end"] - members["begin"]
        shares = widths.value_counts(normalize=True)
        fits = (widths > 0).mean() > 0.95 and shares.max() > 0.7
    else:
        fits = by_word or _counts(members)
    if not fits:
        return None
    members = members.sort_values(["stem", "begin"])
    members["place"] = members.groupby("stem").cumcount()
    return Candidate(spelling, by_word, members[["row", "genre", "stem", "place"]])


def _counts(members: pd.DataFrame) -> bool:
    """Return whether numbers start low in most stems and skip few of their common steps."""
    if members["begin"].max() > _LARGEST:
        return False
    stems = (1000 * members["begin"]).round().astype(np.int64).groupby(members["stem"])
    step = int(np.gcd.reduce(stems.diff().dropna().astype(np.int64)))
    if not step:
        return False
    lowest, highest = stems.min(), stems.max()
    wanted = highest // step + (lowest == 0)
    return bool((lowest <= step).mean() >= 0.6 and len(members) >= 0.5 * wanted.sum())
