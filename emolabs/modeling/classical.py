"""The rows that deep pipelines have to beat: a linear model on functionals, and the constant class."""

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emolabs.modeling.recall import uar

#: Inverse regularization strengths that the validation side chooses from.
STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)


def fit_linear(train: tuple[np.ndarray, np.ndarray], *, validation: tuple[np.ndarray, np.ndarray], seed: int):
    """Standardized multinomial logistic regression with balanced class weights, C chosen by validation UAR.

    Sides are (functionals [clips, size], class numbers [clips]). Returns the fitted model and a list of rows with
    `C` and `validation_uar`; of equal scores the stronger regularization wins.
    """
    fitted, scores = [], []
    for strength in STRENGTHS:
        regression = LogisticRegression(C=strength, class_weight="balanced", max_iter=2000, random_state=seed)
        model = make_pipeline(StandardScaler(), regression).fit(*train)
        fitted.append(model)
        scores.append({"C": strength, "validation_uar": uar(validation[1], model.predict(validation[0]))})
    best = int(np.argmax([row["validation_uar"] for row in scores]))
    return fitted[best], scores


def fit_constant(train: tuple[np.ndarray, np.ndarray]):
    """The most frequent class of the training side, whatever is heard."""
    return DummyClassifier(strategy="most_frequent").fit(*train)
