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


def tensors(model) -> dict[str, np.ndarray]:
    """What decides the answers of a fitted model, beside its classes, as it was fitted.

    Of a linear one `mean, scale` [size], `coefficients` [size, classes] and `intercept` [classes], of two classes for
    the second alone: its logits are (functionals - mean) / scale @ coefficients + intercept. Of the constant `priors`
    [classes], the shares of the training side.
    """
    if isinstance(model, DummyClassifier):
        return {"priors": model.class_prior_}
    scaler, regression = model[0], model[-1]
    kept = {"mean": scaler.mean_, "scale": scaler.scale_}
    return kept | {"coefficients": np.ascontiguousarray(regression.coef_.T), "intercept": regression.intercept_}


def shapes(kind: str, *, classes: int, size: int) -> dict[str, list[int]]:
    """The shapes of the `tensors` of a model that is `linear` over `size` functionals, or `constant`."""
    if kind == "constant":
        return {"priors": [classes]}
    told = classes if classes > 2 else 1
    return {"mean": [size], "scale": [size], "coefficients": [size, told], "intercept": [told]}


def restore(kept: dict[str, np.ndarray], *, classes: list[int]):
    """The model whose `tensors` are `kept`, with its class numbers; its answers are the same to the bit."""
    if "priors" in kept:
        return fit_constant((np.zeros((1, 1)), np.array(classes)[[kept["priors"].argmax()]]))
    scaler, regression = StandardScaler(), LogisticRegression()
    scaler.mean_, scaler.scale_, scaler.n_features_in_ = kept["mean"], kept["scale"], len(kept["mean"])
    regression.coef_, regression.intercept_ = kept["coefficients"].T, kept["intercept"]
    regression.classes_ = np.array(classes)
    return make_pipeline(scaler, regression)
