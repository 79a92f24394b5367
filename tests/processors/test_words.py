"""Words: hard texts, real messages, and a slow and obvious matcher beside the fast one."""

from __future__ import annotations

import json
import sys
import unicodedata
from functools import partial
from pathlib import Path
from timeit import repeat
from typing import Any, get_args

import pytest
import regex
from ahocorasick_rs import AhoCorasick
from hypothesis import given
from hypothesis import strategies as st

from processors import needles
from processors.words import Matcher, Mode, normalise

GOLDEN = Path(__file__).parent.parent / "golden" / "words"
MODES: tuple[Mode, ...] = get_args(Mode)
Keyword = tuple[int, str, Mode]

SOUGHT: dict[str, Mode] = {
    "restaurants": "word", "guesthouses": "word", "thanks": "word", "free wifi": "word", "can't": "word",
    "honeymoon suite": "word", "table outside": "word", "people": "word", "food": "word",
    "küche": "word", "portugiesischer Küche": "word", "telefonnummer": "word", "preis": "prefix",
    "das ist ausreichend danke für die hilfe": "word",
    "indirizzo": "word", "aiuto": "word", "codice postale": "word", "cucina": "word", "nient\u2019altro": "exact",
    "餐馆": "word", "酒店": "word", "景点": "word", "门票免费": "word", "798艺术区": "word", "好的": "first_word",
}  # fmt: skip


def golden(name: str) -> list[dict[str, Any]]:
    """Read a golden file; a missing one fails."""
    return [json.loads(line) for line in (GOLDEN / name).read_text("utf-8").split("\n") if line]


def hits(phrase: str, mode: Mode, text: str) -> bool:
    """Tell whether one keyword is in one text as it came."""
    return Matcher([(7, phrase, mode)]).match(normalise(text)) == [7]


def sought(text: str) -> list[str]:
    """Return the phrases found in a real message."""
    phrases = list(SOUGHT)
    matcher = Matcher((i, phrase, mode) for i, (phrase, mode) in enumerate(SOUGHT.items()))
    return [phrases[i] for i in matcher.match(normalise(text))]


@pytest.mark.parametrize("case", golden("normalised.jsonl"), ids=lambda case: case["why"])
def test_normalised(case: dict[str, str]) -> None:
    """A hard text has the form that was written down for it, and keeps it."""
    assert normalise(case["text"]) == case["words"]
    assert normalise(case["words"]) == case["words"]


@pytest.mark.parametrize("case", golden("matches.jsonl"), ids=lambda case: f"{case['mode']}: {case['why']}")
def test_matches(case: dict[str, Any]) -> None:
    """A phrase hits the texts that it should and no other; the obvious matcher thinks so too."""
    phrase, mode = case["phrase"], case["mode"]
    assert [text for text in case["hits"] + case["misses"] if hits(phrase, mode, text)] == case["hits"]
    assert [text for text in case["hits"] + case["misses"] if obvious(phrase, mode, normalise(text))] == case["hits"]


@pytest.mark.parametrize("case", golden("messages.jsonl"), ids=lambda case: case["from"])
def test_real_messages(case: dict[str, Any]) -> None:
    """What people wrote has the words and holds the phrases that it had when they were last looked at."""
    assert normalise(case["text"]) == case["words"]
    assert sought(case["text"]) == case["hits"]
    assert [p for p, m in SOUGHT.items() if obvious(p, m, case["words"])] == case["hits"]


def test_every_phrase_is_sought_with_success() -> None:
    """The real messages hold each phrase at least once, so none of them is there for nothing."""
    assert {phrase for case in golden("messages.jsonl") for phrase in case["hits"]} == SOUGHT.keys()


BLOCKS = [(0, 0x3400), (0xA000, 0xAC00), (0xF900, 0x10000), (0x10000, 0x13000), (0x1D000, 0x1FB00), (0xE0000, 0xE0200)]
REST = range(0x3400, 0x110000, 89)  # ideographs, Hangul, what is not assigned: they are alike


@pytest.mark.parametrize("chars", [*(range(*block) for block in BLOCKS), REST], ids=lambda chars: f"{chars[0]:x}")
def test_normalising_any_character_twice_is_as_once(chars: range) -> None:
    """Alone, after a letter, under an accent and before a possessive."""
    known = [chr(c) for c in chars if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]
    texts = [text for c in known for text in (c, f"a{c}b", f"{c}\u0301", f"餐{c}'s")]
    once = [normalise(text) for text in texts]
    assert [normalise(words) for words in once] == once


@given(st.text())
def test_normalising_twice_is_as_once(text: str) -> None:
    """So stored words can be normalised again, and phrases may come either way."""
    assert normalise(normalise(text)) == normalise(text)


@given(st.text())
def test_what_normalised_words_are(text: str) -> None:
    """Runs of letters, marks and numbers with an apostrophe inside at most, single-spaced, no invisible character."""
    words = normalise(text)
    assert words == " ".join(words.split())
    assert regex.fullmatch(r"(?:[\p{L}\p{M}\p{N}]+(?:'[\p{L}\p{M}\p{N}]+)*(?: |$))*", words)
    assert not regex.search(r"\p{Cf}", words)


@given(st.text("abcXYZ019 '`-_.,!?\t\n\x00\x1c~"))
def test_the_ascii_way_is_the_long_way(text: str) -> None:
    """The shortcut for ASCII gives what the rest gives: a character that vanishes sends the same text round."""
    assert normalise(text) == normalise(f"{text}\u200b") == " ".join(normalise(f"{text} 餐").split()[:-1])


@given(st.text(), st.sampled_from(["NFC", "NFD"]))
def test_composed_or_not_is_the_same(text: str, form: Any) -> None:
    """Keyboards differ in it."""
    assert normalise(unicodedata.normalize(form, text)) == normalise(text)


@given(st.text("aàâåäbcçdeéèêfghijklmnñoöøpqrstuüvwxyzß\u0131\u03b1άβδέςд\u0435ёй 019-"))
def test_case_is_the_same(text: str) -> None:
    """Capitals, small letters and titles are one."""
    assert normalise(text.upper()) == normalise(text.lower()) == normalise(text)


def obvious(phrase: str, mode: Mode, text: str) -> bool:
    """Tell whether a normalised text holds a phrase, word by word, with no index."""
    plain = mode != "word"
    sought = bare(normalise(phrase), possessives=plain)
    found = bare(text, possessives=plain)
    starts = [0] if mode in ("exact", "first_word") else range(len(found))
    if not sought or (mode == "exact" and len(sought) != len(found)):
        return False
    return any(fits(sought, found[at : at + len(sought)], mode) for at in starts)


def bare(text: str, *, possessives: bool) -> list[str]:
    """Split words at apostrophes; a possessive's s goes unless it is to stay."""
    words = text.split() if possessives else [word.removesuffix("'s") for word in text.split()]
    return [part for word in words for part in word.split("'")]


def fits(sought: list[str], found: list[str], mode: Mode) -> bool:
    """Compare as many words; the first and last of unspaced scripts may be a part of theirs."""
    if len(sought) != len(found):
        return False
    ends = [begin_free(sought[0], mode), end_free(sought[-1], mode)]
    pairs = list(zip(sought, found, strict=True))
    for at, (want, word) in enumerate(pairs):
        before, after = at == 0 and ends[0], at == len(pairs) - 1 and ends[1]
        if not any(word[i : i + n] == want for i, n in parts(word, before=before, after=after)) and not (
            mode == "word" and not (before or after) and same(want, word)
        ):
            return False
    return True


def begin_free(word: str, mode: Mode) -> bool:
    """Tell whether a phrase's first word may begin inside one of the text's."""
    return mode in ("word", "prefix") and unspaced(word)


def end_free(word: str, mode: Mode) -> bool:
    """Tell whether a phrase's last word may end inside one of the text's."""
    return mode == "prefix" or (mode != "exact" and unspaced(word))


def parts(word: str, *, before: bool, after: bool) -> list[tuple[int, int]]:
    """Return (start, length) of the parts of a word that count as it."""
    starts = range(len(word)) if before else [0]
    return [(i, j - i) for i in starts for j in (range(i + 1, len(word) + 1) if after else [len(word)])]


def unspaced(word: str) -> bool:
    """Tell Han, Kana, Thai, Lao, Khmer and Myanmar, by name."""
    scripts = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
    return unicodedata.name(word[0], "").startswith(scripts)


def same(a: str, b: str) -> bool:
    """Tell whether two words are equal or one is the simple plural of the other."""
    return a == b or plural(a) == b or a == plural(b)


def plural(word: str) -> str | None:
    """Return a word with s, where that is a word of four letters or more that does not end in ss."""
    return f"{word}s" if len(word) >= 3 and word[-1] != "s" else None


STEMS = [
    "pet",
    "pets",
    "petss",
    "carpet",
    "gas",
    "ga",
    "spa",
    "glass",
    "don't",
    "l'hotel",
    "hotel",
    "餐厅",
    "餐",
    "wifi餐",
    "ห้อง",
    "s",
]
vocabulary = st.sampled_from([*STEMS, *(f"{stem}'s" for stem in STEMS[:9]), *(f"{stem}s" for stem in STEMS[:9])])
spaces = st.sampled_from([" ", " ", "-", "", ", ", "'", "\u2019", " '"])


def sentences(most: int) -> st.SearchStrategy[str]:
    """Words of a small vocabulary with something or nothing between."""
    return st.lists(st.tuples(vocabulary, spaces), max_size=most).map(lambda pairs: "".join(w + s for w, s in pairs))


phrases = sentences(2) | sentences(7) | st.text("abs' 餐厅", max_size=6)
texts = sentences(12) | st.text("abs' 餐厅", max_size=12)


@given(
    st.lists(st.tuples(st.integers(0, 9), phrases, st.sampled_from(MODES)), max_size=12), st.lists(texts, max_size=4)
)
def test_the_fast_matcher_is_the_obvious_one(keywords: list[Keyword], texts: list[str]) -> None:
    """Whatever the phrases, modes and texts: the same ids, each once, in order, and of each text its own."""
    words = [*map(normalise, texts)]
    expected = [sorted({i for i, phrase, mode in keywords if obvious(phrase, mode, one)}) for one in words]
    matcher = Matcher(keywords)
    assert matcher.match_all(words) == [matcher.match(one) for one in words] == expected


@given(st.lists(st.tuples(phrases, st.sampled_from(MODES)), min_size=1, max_size=8), texts)
def test_keywords_do_not_meddle_with_each_other(keywords: list[tuple[str, Mode]], text: str) -> None:
    """All at once find what each finds alone."""
    words = normalise(text)
    together = Matcher((i, phrase, mode) for i, (phrase, mode) in enumerate(keywords)).match(words)
    assert together == [i for i, (phrase, mode) in enumerate(keywords) if Matcher([(0, phrase, mode)]).match(words)]


def test_one_id_may_have_many_phrases() -> None:
    """A long one that is not all there takes no other's hit away."""
    matcher = Matcher([(2, "pet", "word"), (2, "pet in a pool villa", "word"), (3, "pet", "exact")])
    assert [matcher.match(text) for text in ("pet in a pool", "pets in a pool villa", "pet", "pool")] == [
        [2],
        [2],
        [2, 3],
        [],
    ]


@pytest.mark.parametrize("small", [0, 3_000])
def test_who_has_read_much_finds_the_same(small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Needles that stay the same get an automaton, once, unless they are too many; a change takes it away."""
    monkeypatch.setattr(needles, "QUIET", 8)
    monkeypatch.setattr(needles, "SMALL", small)
    made = list[int]()
    monkeypatch.setattr(needles, "AhoCorasick", lambda all_, **how: made.append(len(all_)) or AhoCorasick(all_, **how))  # type: ignore[func-returns-value]
    matcher = Matcher(
        [(1, "pets", "word"), (2, "bring pet", "word"), (3, "pet in a pool villa", "word"), (4, "pet", "exact")]
    )
    texts = ["may we bring pets", "pet", "餐厅", "a pet in a pool villa", ""]
    found = [matcher.match_all(texts[:4] if at else texts) for at in range(4)]
    assert found == [[[1, 2], [1, 4], [], [1, 3], []], *[[[1, 2], [1, 4], [], [1, 3]]] * 3]
    assert len(made) == (2 if small else 0)
    matcher.remove(1, "pets", "word")
    assert matcher.match_all(texts[:2]) == [[2], [4]]
    assert len(made) == (2 if small else 0)


@given(st.lists(st.tuples(st.integers(0, 5), phrases, st.sampled_from(MODES)), max_size=20), texts)
def test_keywords_that_came_and_went_are_as_if_they_had_never_been(steps: list[Keyword], text: str) -> None:
    """After whatever was added and removed, in any order, a text holds what it holds for those that are left."""
    left, matcher, words = dict[int, Keyword](), Matcher[int](), normalise(text)
    for step in steps:
        if step[0] in left:
            matcher.remove(*left.pop(step[0]))
        else:
            left[step[0]] = step
            matcher.add(*step)
        assert matcher.match(words) == Matcher(left.values()).match(words)
    matcher.match_all([""] * needles.QUIET)  # then there is an automaton
    assert matcher.match(words) == Matcher(left.values()).match(words)


@given(sentences(6), st.sampled_from(MODES))
def test_a_phrase_is_in_itself(phrase: str, mode: Mode) -> None:
    """In every mode, if there is a word in it."""
    assert hits(phrase, mode, phrase) == bool(normalise(phrase))


def test_nothing_is_in_nothing() -> None:
    """No keywords, no words, phrases without a word: no hits."""
    assert Matcher([]).match("dinner") == []
    assert Matcher([(1, "!", mode) for mode in MODES]).match("dinner") == []
    assert Matcher([(1, "dinner", mode) for mode in MODES]).match("") == []


def test_hits_are_the_caller_s_to_keep() -> None:
    """Each call returns a list of its own."""
    matcher = Matcher([(1, "pet", "word")])
    first = matcher.match("pet")
    first.append(2)
    assert matcher.match("pet") == [1]


def test_ten_times_the_keywords_cost_little_more() -> None:
    """One pass over the text serves all of them; four times is allowed, a third more is usual."""
    text = "can we book a table for dinner tonight and do you know whether pets may come along"
    keywords: list[Keyword] = [(i, f"villa{i} pool{i}", "word") for i in range(6000)]
    few, many = Matcher(keywords[:600]), Matcher(keywords)
    cost = {m: min(repeat(partial(m.match, text), number=500, repeat=20)) for m in (few, many, few, many)}
    assert cost[many] < 4 * cost[few]


def rewrite() -> None:
    """Write the derived fields of messages.jsonl again."""
    cases = [{**c, "words": normalise(c["text"]), "hits": sought(c["text"])} for c in golden("messages.jsonl")]
    lines = "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in cases)
    (GOLDEN / "messages.jsonl").write_text(lines, "utf-8")


if __name__ == "__main__":
    rewrite()
    sys.stdout.write("written again; look at the difference\n")
