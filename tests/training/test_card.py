import json

import torch

from signflip.training import TrainingSettings, training_card


def test_card_holds_texts_that_give_the_settings_back() -> None:
    settings = TrainingSettings(hidden=(30, 20), epochs=7, seed=5, learning_rate=0.01)
    card = training_card(
        settings, dataset="mnist", training_images="1 to 100", accuracy=0.987654321
    )
    assert all(isinstance(value, str) for value in card.values())
    again = json.loads(card["settings"])
    again["hidden"] = tuple(again["hidden"])
    assert TrainingSettings(**again) == settings
    assert card["seed"] == "5"
    assert card["accuracy"] == "0.9877"
    assert card["dataset"] == "mnist"
    assert card["training_images"] == "1 to 100"
    assert card["torch"] == torch.__version__
