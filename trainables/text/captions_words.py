"""Words and weights of the embedded `captions` grammar; `captions.py` gives them their places.

Where no weight is written, a table is in the order of its weights, 1/sqrt(rank).
The language stays unambiguous because a word plays one part only (articles, and prepositions in several
scenes, apart) and a verb belongs to one scene; no word that may follow "a" begins with a vowel, so there is
no "an". tests/unit/test_captions.py proves both.
"""

from typing import NamedTuple


class Noun(NamedTuple):
    """One agent noun in both numbers."""

    singular: str
    plural: str


class Verb(NamedTuple):
    """One verb: its form for a plural and for a singular agent, its -ing form, what it is done to.

    An intransitive verb has no objects and takes none; a transitive one always takes one.
    """

    plural: str
    singular: str
    progressive: str
    objects: tuple[str, ...] = ()


class CaptionPlace(NamedTuple):
    """A place phrase: preposition, "the", noun."""

    preposition: str
    noun: str


class Scene(NamedTuple):
    """A scene: its weight, the probability of a human agent there, and the words that are its own."""

    name: str
    weight: float
    human: float
    verbs: tuple[Verb, ...]
    places: tuple[CaptionPlace, ...]


ADJECTIVE_PROBABILITY = 0.75
PROGRESSIVE_PROBABILITY = 0.65
COLOUR_PROBABILITY = 0.7
PLACE_PROBABILITY = 0.75

DETERMINERS: dict[str, dict[str, float]] = {
    "singular": {"a": 5, "the": 3},
    "plural": {"two": 3, "three": 2, "some": 2},
}
OBJECT_DETERMINERS: dict[str, float] = {"a": 3, "the": 2}
COLOURS = ("red", "blue", "green", "yellow", "white", "purple")

ADJECTIVES = {
    "human": ("young", "tall", "smiling", "barefoot", "cheerful"),
    "animal": ("fluffy", "spotted", "muddy", "hungry", "playful"),
}
NOUNS = {
    "human": (
        Noun("woman", "women"),
        Noun("man", "men"),
        Noun("girl", "girls"),
        Noun("boy", "boys"),
        Noun("teenager", "teenagers"),
    ),
    "animal": (Noun("dog", "dogs"), Noun("cat", "cats"), Noun("monkey", "monkeys"), Noun("goat", "goats")),
}

SCENES = (
    Scene(
        "park",
        5,
        0.7,
        (
            Verb("chase", "chases", "chasing", ("ball", "squirrel", "kite")),
            Verb("catch", "catches", "catching", ("frisbee", "stick", "balloon")),
            Verb("watch", "watches", "watching", ("duck", "pigeon", "butterfly")),
            Verb("run", "runs", "running"),
        ),
        (CaptionPlace("under", "trees"), CaptionPlace("on", "grass"), CaptionPlace("near", "fountain")),
    ),
    Scene(
        "beach",
        4,
        0.7,
        (
            Verb("carry", "carries", "carrying", ("surfboard", "towel", "bucket")),
            Verb("bury", "buries", "burying", ("shovel", "bottle", "sandal")),
            Verb("find", "finds", "finding", ("shell", "crab", "pebble")),
            Verb("swim", "swims", "swimming"),
        ),
        (CaptionPlace("by", "sea"), CaptionPlace("near", "pier"), CaptionPlace("behind", "dunes")),
    ),
    Scene(
        "kitchen",
        4,
        0.85,
        (
            Verb("wash", "washes", "washing", ("plate", "bowl", "spoon")),
            Verb("taste", "tastes", "tasting", ("cake", "tomato", "pepper")),
            Verb("lift", "lifts", "lifting", ("pan", "kettle", "jar")),
        ),
        (CaptionPlace("at", "counter"), CaptionPlace("by", "stove"), CaptionPlace("near", "sink")),
    ),
    Scene(
        "street",
        4,
        0.8,
        (
            Verb("push", "pushes", "pushing", ("bike", "cart", "stroller")),
            Verb("follow", "follows", "following", ("bus", "taxi", "truck")),
            Verb("pass", "passes", "passing", ("mailbox", "scooter", "lamp")),
            Verb("wait", "waits", "waiting"),
        ),
        (CaptionPlace("on", "sidewalk"), CaptionPlace("at", "corner"), CaptionPlace("behind", "bakery")),
    ),
    Scene(
        "stage",
        3,
        0.9,
        (
            Verb("play", "plays", "playing", ("guitar", "drum", "violin")),
            Verb("hold", "holds", "holding", ("microphone", "rose", "candle")),
            Verb("wave", "waves", "waving", ("flag", "ribbon", "wand")),
            Verb("dance", "dances", "dancing"),
        ),
        (CaptionPlace("under", "spotlight"), CaptionPlace("behind", "curtain"), CaptionPlace("near", "piano")),
    ),
    Scene(
        "farm",
        3,
        0.6,
        (
            Verb("pull", "pulls", "pulling", ("wagon", "rope", "plow")),
            Verb("guard", "guards", "guarding", ("hen", "lamb", "calf")),
            Verb("climb", "climbs", "climbing", ("ladder", "tractor", "haystack")),
            Verb("sleep", "sleeps", "sleeping"),
        ),
        (CaptionPlace("in", "barn"), CaptionPlace("by", "fence"), CaptionPlace("across", "meadow")),
    ),
)
