"""The collapse rule: three numbers that must agree, and its words."""

import pytest

from trainables.measure.collapse import collapse


def words(active: float, information: float, kl: float) -> dict[str, float]:
    return {"validation/active_units": active, "validation/mutual_information": information, "validation/kl": kl}


def test_a_model_without_code_is_collapsed_and_says_by_which_numbers() -> None:
    reason = collapse(words(0, 0.03, 0.01), 16, None)
    assert reason == (
        "none of 16 units is active, the mutual information is 0.03 nats (below 0.2), the KL 0.01 nats: "
        "the decoder ignores z"
    )


@pytest.mark.parametrize(
    ("active", "information", "kl"), [(1, 0.03, 0.01), (0, 0.2, 0.01), (0, 0.03, 0.5)], ids=["AU", "MI", "KL"]
)
def test_each_of_the_three_numbers_alone_keeps_a_model(active: float, information: float, kl: float) -> None:
    assert collapse(words(active, information, kl), 16, None) is None


def test_a_kl_that_the_free_bits_ask_for_anyway_saves_no_model() -> None:
    assert "of the λ = 4 that its objective pays anyway" in (collapse(words(0, 0.1, 4.3), 16, 4.0) or "")
    assert collapse(words(0, 0.1, 4.41), 16, 4.0) is None


def test_a_row_that_lacks_a_word_is_never_collapsed() -> None:
    assert collapse({"validation/active_units": 0.0}, 16, None) is None
