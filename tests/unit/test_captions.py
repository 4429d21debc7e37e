"""The embedded corpus: unambiguous, exactly normalised, exact likelihood and entropy, always the same."""

import math
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from trainables.base import CorpusError, digest
from trainables.text import captions, captions_words

DRAWS = 20_000


@pytest.fixture(scope="module")
def drawn() -> list[captions.Caption]:
    return captions.generate(DRAWS, seed=5)


def ranked(count: int) -> list[float]:
    weights = [rank**-0.5 for rank in range(1, count + 1)]
    return [weight / math.fsum(weights) for weight in weights]


def subjects(agent: str, number: str) -> Iterator[tuple[str, float]]:
    """Enumerate `DET [ADJECTIVE] NOUN` with its probability given agent and number, from the tables alone."""
    determiners = captions_words.DETERMINERS[number]
    nouns, adjectives = captions_words.NOUNS[agent], captions_words.ADJECTIVES[agent]
    described = [("", 0.25)]
    described += [(f"{a} ", 0.75 * p) for a, p in zip(adjectives, ranked(len(adjectives)), strict=True)]
    for determiner, weight in determiners.items():
        p_determiner = weight / sum(determiners.values())
        for adjective, p_adjective in described:
            for noun, p_noun in zip(nouns, ranked(len(nouns)), strict=True):
                yield f"{determiner} {adjective}{getattr(noun, number)}", p_determiner * p_adjective * p_noun


def predicates(scene: captions_words.Scene, number: str) -> Iterator[tuple[str, float]]:
    """Enumerate all that follows the subject, with its probability given scene and number."""
    colours = [("", 0.3)]
    ranks = ranked(len(captions_words.COLOURS))
    colours += [(f"{c} ", 0.7 * p) for c, p in zip(captions_words.COLOURS, ranks, strict=True)]
    places = [(" .", 0.25)]
    for place, p in zip(scene.places, ranked(len(scene.places)), strict=True):
        places.append((f" {place.preposition} the {place.noun} .", 0.75 * p))
    copula = {"singular": " is ", "plural": " are "}[number]
    for verb, p_verb in zip(scene.verbs, ranked(len(scene.verbs)), strict=True):
        things = [("", 1.0)]
        if verb.objects:
            objects = list(zip(verb.objects, ranked(len(verb.objects)), strict=True))
            articles = [("a", 0.6), ("the", 0.4)]
            things = [(f" {a} {c}{o}", p * q * r) for a, p in articles for c, q in colours for o, r in objects]
        for act, p_aspect in ((copula + verb.progressive, 0.65), (f" {getattr(verb, number)}", 0.35)):
            for thing, p_thing in things:
                for place_phrase, p_place in places:
                    yield act + thing + place_phrase, p_aspect * p_verb * p_thing * p_place


def test_all_sentences_of_the_language_are_distinct_sum_to_one_and_have_the_stated_entropy() -> None:
    masses, surprises, count = [], [], 0
    scene_weights = math.fsum(scene.weight for scene in captions_words.SCENES)
    for scene in captions_words.SCENES:
        seen: set[str] = set()  # sentences of two scenes differ in the verb: test_no_word_plays_two_parts
        for number, p_number in (("singular", 8 / 15), ("plural", 7 / 15)):
            rests = list(predicates(scene, number))
            for agent, p_agent in (("human", scene.human), ("animal", 1 - scene.human)):
                given = scene.weight / scene_weights * p_number * p_agent
                for subject, p_subject in subjects(agent, number):
                    before = len(seen)
                    seen.update([subject + rest for rest, _ in rests])
                    assert len(seen) == before + len(rests), "two derivations gave one text"
                    shares = [given * p_subject * p for _, p in rests]
                    masses.append(math.fsum(shares))
                    surprises.append(-math.fsum(p * math.log(p) for p in shares))
        count += len(seen)
    assert count == 1_643_760
    assert math.fsum(masses) == pytest.approx(1.0, abs=1e-12)
    assert math.fsum(surprises) == pytest.approx(captions.entropy(), abs=1e-9)


@pytest.mark.parametrize("scene", captions_words.SCENES, ids=lambda scene: scene.name)
def test_the_scorer_agrees_with_the_enumeration_and_finds_one_derivation(scene: captions_words.Scene) -> None:
    total = math.fsum(each.weight for each in captions_words.SCENES)
    for number, p_number in (("singular", 8 / 15), ("plural", 7 / 15)):
        for agent, p_agent in (("human", scene.human), ("animal", 1 - scene.human)):
            given = scene.weight / total * p_number * p_agent
            heads = list(subjects(agent, number))
            for index, (rest, p_rest) in enumerate(predicates(scene, number)):
                head, p_head = heads[index % len(heads)]
                tokens = tuple(f"{head}{rest}".split())
                (found,) = captions.derivations(tokens)
                assert found.tokens == tokens
                assert found.label.split(",")[:3] == [scene.name, agent, number]
                assert found.log_probability == pytest.approx(math.log(given * p_head * p_rest), abs=1e-12)


def test_each_drawn_sentence_has_one_derivation_with_its_label_and_log_probability(
    drawn: list[captions.Caption],
) -> None:
    known: dict[tuple[str, ...], captions.Caption] = {}
    for caption in drawn:
        assert known.setdefault(caption.tokens, caption) == caption
    assert len(known) < DRAWS, "no sentence was drawn twice: this test proved nothing"
    for caption in drawn[:3000]:
        (found,) = captions.derivations(caption.tokens)
        assert (found.tokens, found.label) == (caption.tokens, caption.label)
        assert found.log_probability == pytest.approx(caption.log_probability, abs=1e-12)
        assert captions.log_probability(list(caption.tokens)) == found.log_probability


def test_the_mean_surprise_of_draws_is_the_entropy(drawn: list[captions.Caption]) -> None:
    surprises = [-caption.log_probability for caption in drawn]
    error = statistics.stdev(surprises) / math.sqrt(DRAWS)
    assert abs(statistics.fmean(surprises) - captions.entropy()) < 4 * error


def test_draws_follow_the_weights(drawn: list[captions.Caption]) -> None:
    total = math.fsum(scene.weight for scene in captions_words.SCENES)
    expected = {scene.name: scene.weight / total for scene in captions_words.SCENES}
    expected |= {"human": math.fsum(scene.weight * scene.human for scene in captions_words.SCENES) / total}
    expected |= {"singular": 8 / 15, "progressive": 0.65, "a": 5 / 15, "two": 3 / 15, "some": 2 / 15}
    counts = Counter(word for caption in drawn for word in (*caption.label.split(","), caption.tokens[0]))
    for word, p in expected.items():
        assert abs(counts[word] / DRAWS - p) < 4 * math.sqrt(p * (1 - p) / DRAWS), word


def test_labels_are_the_factors_of_the_sentence(drawn: list[captions.Caption]) -> None:
    for caption in drawn[:3000]:
        scene, agent, number, aspect = caption.label.split(",")
        assert (number == "singular") == (caption.tokens[0] in captions_words.DETERMINERS["singular"])
        assert (aspect == "progressive") == bool({"is", "are"} & set(caption.tokens))
        nouns = {word for noun in captions_words.NOUNS[agent] for word in noun}
        assert len(nouns & set(caption.tokens)) == 1
        verbs = {form for each in captions_words.SCENES if each.name == scene for form in verb_forms(each)}
        assert len(verbs & set(caption.tokens)) == 1
    assert len(captions.LABEL_FACTORS) == 4


def verb_forms(scene: captions_words.Scene) -> list[str]:
    return [form for verb in scene.verbs for form in (verb.plural, verb.singular, verb.progressive)]


def test_no_word_plays_two_parts() -> None:
    scenes = captions_words.SCENES
    parts = [word for table in captions_words.DETERMINERS.values() for word in table]
    parts += ["is", "are", ".", *captions_words.COLOURS]
    parts += [word for table in captions_words.ADJECTIVES.values() for word in table]
    parts += [word for nouns in captions_words.NOUNS.values() for noun in nouns for word in noun]
    parts += [form for scene in scenes for form in verb_forms(scene)]
    parts += [word for scene in scenes for verb in scene.verbs for word in verb.objects]
    parts += sorted({place.preposition for scene in scenes for place in scene.places})
    parts += [place.noun for scene in scenes for place in scene.places]
    assert [word for word, times in Counter(parts).items() if times > 1] == []
    assert len(parts) == 191


def test_no_vowel_after_a() -> None:
    after = {*captions_words.COLOURS}
    after |= {noun.singular for nouns in captions_words.NOUNS.values() for noun in nouns}
    after |= {word for table in captions_words.ADJECTIVES.values() for word in table}
    after |= {word for scene in captions_words.SCENES for verb in scene.verbs for word in verb.objects}
    assert [word for word in after if word[0] in "aeiou"] == []


def test_the_size_of_the_problem(drawn: list[captions.Caption]) -> None:
    assert captions.entropy() == pytest.approx(13.4629995, abs=1e-6)
    lengths = [len(caption.tokens) + 1 for caption in drawn]
    assert (min(lengths), max(lengths)) == (5, 13)
    assert statistics.fmean(lengths) == pytest.approx(10.95, abs=0.05)


def test_the_corpus_is_fixed() -> None:
    corpus = captions.splits()
    assert {split: len(found) for split, found in corpus.items()} == captions.SIZES
    assert digest({split: [(c.tokens, c.label) for c in found] for split, found in corpus.items()}) == (
        "7b7b6546bb4e93aac40a2fcdc8c3e222b3d63e53d5225a77f14ae2e944ad4beb"
    )
    assert corpus["validation"] != corpus["test"]
    assert corpus["train"][:500] != corpus["test"]
    vocabulary = {word for caption in corpus["train"] for word in caption.tokens}
    assert len(vocabulary) == 191, "each word of the language occurs in the training split"


def test_a_longer_draw_begins_with_the_shorter_and_seeds_differ() -> None:
    assert captions.generate(50, 3) == captions.generate(80, 3)[:50]
    assert captions.generate(50, 3) != captions.generate(50, 4)
    assert captions.generate(0, 3) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["token 1 is the end of the sentence", "'a', 'the', 'two', 'three', 'some'"]),
        ("a dog flies .", ["token 3 is 'flies'", "'is', 'chases'", "more"]),
        ("two dogs is running .", ["token 3 is 'is'", "'are', 'chase'"]),
        ("a young dog runs .", ["token 3 is 'dog'", "'woman', 'man', 'girl', 'boy', 'teenager'."]),
        ("a dog runs under the sink .", ["token 6 is 'sink'", "'trees'"]),
        ("a dog runs", ["token 4 is the end of the sentence", "'.'"]),
        ("a dog runs . .", ["token 5 is '.'", "allowed there: the end of the sentence"]),
        ("a dog runs . </s>", ["token 5 is '</s>'", "allowed there: the end of the sentence"]),
        ("a <unk> runs .", ["token 2 is '<unk>'"]),
    ],
)
def test_a_sentence_outside_the_language_is_refused_in_words(text: str, said: list[str]) -> None:
    assert captions.derivations(text.split()) == []
    with pytest.raises(CorpusError) as refused:
        captions.log_probability(text.split())
    for part in said:
        assert part in str(refused.value)


def test_import_brings_no_torch_and_no_numpy() -> None:
    program = "import sys, trainables.text.captions; print({'torch', 'numpy'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
