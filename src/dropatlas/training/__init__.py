"""Training of the Dynamic DropConnect experiments: one loop for every model, method and data set.

Use from outside: `TrainingData.from_images(load(path), seed)`, `Recipe(...)`, `train(model, data, recipe, seed)`,
`predict(model, data.test, data)`.
"""

from dropatlas.recipes import Augmentation, Recipe
from dropatlas.training.evaluation import Score, evaluate, predict
from dropatlas.training.inputs import Split, TrainingData
from dropatlas.training.loop import TrainingDivergedError, TrainingResult, train
from dropatlas.training.tables import TABLES, tabular_data

__all__ = [
    "TABLES",
    "Augmentation",
    "Recipe",
    "Score",
    "Split",
    "TrainingData",
    "TrainingDivergedError",
    "TrainingResult",
    "evaluate",
    "predict",
    "tabular_data",
    "train",
]
