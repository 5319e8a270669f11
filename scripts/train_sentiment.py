"""Train the sentiment model on GoEmotions, or compare it with plain VADER.

    python scripts/train_sentiment.py CORPUS_DIR              writes the weights into the package
    python scripts/train_sentiment.py CORPUS_DIR --evaluate   reads goemotions_dev.jsonl, and changes nothing

Training needs scikit-learn (`pip install --group train`), evaluating does not. CORPUS_DIR holds goemotions_train.jsonl
and goemotions_dev.jsonl: a JSON object a line, with `text` and `sentiment`; only positive, neutral and negative count.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from reddit_mcp.analysis.prose import prose
from reddit_mcp.analysis.sentiment_features import features
from reddit_mcp.analysis.sentiment_model import MODEL, SentimentModel
from reddit_mcp.analysis.vader import Vader

LABELS = ("positive", "neutral", "negative")
WEIGHTS = Path(__file__).parents[1] / "src" / "reddit_mcp" / "analysis" / f"{MODEL}.json"
FITTED_SHARE = 0.85  # the rest of train tunes bias and temperature; then all of it is fitted alike
LEAST_TEXTS = 4
SPARSITY, SMOOTHNESS = 0.25, 0.15  # inverse strengths of the L1 selection and of the fit
NEUTRAL_RECALL = 0.67
VADER_THRESHOLD = 0.05
BINS = 10

Rows = list[tuple[str, int]]


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description="Train or evaluate the sentiment model.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--evaluate", action="store_true", help="compare with plain VADER on the dev split")
    asked = parser.parse_args()
    if asked.evaluate:
        evaluate(labelled(asked.corpus / "goemotions_dev.jsonl"))
    else:
        train(labelled(asked.corpus / "goemotions_train.jsonl"))


def labelled(path: Path) -> Rows:
    """Read the texts of one label and the label's number."""
    records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [(prose(each["text"]), LABELS.index(each["sentiment"])) for each in records if each["sentiment"] in LABELS]


def train(rows: Rows) -> None:
    """Fit, tune and write the weights, without any chance in it."""
    import numpy as np
    from sklearn.feature_extraction import DictVectorizer

    vader = Vader()
    found = [features(text, vader.scores(text)) for text, _ in rows]
    texts = Counter(name for each in found for name in each)
    vectors = DictVectorizer()
    matrix = vectors.fit_transform(
        [{name: v for name, v in each.items() if texts[name] >= LEAST_TEXTS} for each in found]
    )
    labels = np.array([label for _, label in rows])
    order = np.random.RandomState(0).permutation(len(rows))
    fitted, tuned = np.split(order, [int(len(rows) * FITTED_SHARE)])
    all_names = vectors.get_feature_names_out()
    _, weights, kept = fit(matrix[fitted], labels[fitted], all_names)
    scores = matrix[tuned][:, kept] @ weights
    shift = bias(scores, labels[tuned])
    divisor = temperature(scores + shift, labels[tuned])
    names, weights, _ = fit(matrix[order], labels[order], all_names)
    weights[list(names).index("BIAS")] += shift
    weights /= divisor
    write({name: [round(float(weight), 3) for weight in row] for name, row in zip(names, weights, strict=True)})


def fit(matrix: Any, labels: Any, names: Any) -> Any:
    """Choose features by L1, one label against the others; fit the chosen ones jointly."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    kept = names == "BIAS"
    for label in range(len(LABELS)):
        chooser = LogisticRegression(solver="liblinear", l1_ratio=1, C=SPARSITY, random_state=0, fit_intercept=False)
        kept |= chooser.fit(matrix, labels == label).coef_[0] != 0
    joint = LogisticRegression(C=SMOOTHNESS, max_iter=300, fit_intercept=False).fit(matrix[:, kept], labels)
    return names[kept], np.ascontiguousarray(joint.coef_.T), kept


def bias(scores: Any, labels: Any) -> Any:
    """The addition to the labels' scores with the best macro-F1, among those that find enough of the neutral."""
    import numpy as np

    steps = np.arange(-0.2, 0.61, 0.05)
    choices = [np.array([0, neutral, negative]) for neutral in steps for negative in steps]
    figures = [recalls_and_f1((scores + choice).argmax(1).tolist(), labels.tolist()) for choice in choices]
    return max(zip(figures, choices, strict=True), key=lambda each: (each[0][0][1] >= NEUTRAL_RECALL, each[0][1]))[1]


def temperature(scores: Any, labels: Any) -> float:
    """The divisor of the scores that makes the held-out labels likeliest."""
    import numpy as np

    def loss(divisor: float) -> float:
        logits = scores / divisor
        top = logits.max(1, keepdims=True)
        logs = logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))
        return float(-logs[np.arange(len(labels)), labels].mean())

    return float(min(np.arange(0.5, 2.01, 0.01), key=loss))


def write(weights: dict[str, list[float]]) -> None:
    """Write the weights that are not 0, a feature a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in sorted(weights.items()) if any(row)]
    head = {"model": MODEL, "labels": LABELS, "data": "GoEmotions (Google Research), CC BY 4.0, train split"}
    body = json.dumps(head)[:-1] + ', "weights": {\n' + ",\n".join(lines) + "\n}}\n"
    WEIGHTS.write_text(body, encoding="utf-8")
    print(f"{len(lines)} features, {WEIGHTS.stat().st_size} bytes")


def evaluate(rows: Rows) -> None:
    """Print the figures of both, and the model's reliability table."""
    model, vader = SentimentModel(), SentimentIntensityAnalyzer()
    truth = [label for _, label in rows]
    compounds = [vader.polarity_scores(text)["compound"] for text, _ in rows]
    plain = [0 if score >= VADER_THRESHOLD else 2 if score <= -VADER_THRESHOLD else 1 for score in compounds]
    found = [model.probabilities(text) for text, _ in rows]
    ours = [each.index(max(each)) for each in found]
    for name, said in (("VADER", plain), (MODEL, ours)):
        recalls, f1 = recalls_and_f1(said, truth)
        accuracy = sum(a == b for a, b in zip(said, truth, strict=True)) / len(truth)
        shown = ", ".join(f"{label} {recall:.3f}" for label, recall in zip(LABELS, recalls, strict=True))
        print(f"{name}: macro-F1 {f1:.4f}, accuracy {accuracy:.4f}, recall {shown}")
    reliability([max(each) for each in found], [a == b for a, b in zip(ours, truth, strict=True)])


def recalls_and_f1(said: Sequence[int], truth: Sequence[int]) -> tuple[list[float], float]:
    """The recall of each label, and the mean of the labels' F1."""
    hits = Counter(a for a, b in zip(said, truth, strict=True) if a == b)
    saids, truths = Counter(said), Counter(truth)
    scores = [2 * hits[label] / max(saids[label] + truths[label], 1) for label in range(len(LABELS))]
    return [hits[label] / max(truths[label], 1) for label in range(len(LABELS))], sum(scores) / len(LABELS)


def reliability(confidences: list[float], right: list[bool]) -> None:
    """Print how often answers of each confidence are right, and the expected calibration error."""
    error = 0.0
    print("confidence | texts | mean confidence | right")
    for step in range(BINS):
        inside = [i for i, sure in enumerate(confidences) if min(int(sure * BINS), BINS - 1) == step]
        if inside:
            sure = sum(confidences[i] for i in inside) / len(inside)
            share = sum(right[i] for i in inside) / len(inside)
            error += abs(sure - share) * len(inside) / len(right)
            print(f"{step / BINS:.1f}-{(step + 1) / BINS:.1f} | {len(inside)} | {sure:.3f} | {share:.3f}")
    print(f"expected calibration error {error:.4f}")


if __name__ == "__main__":
    main()
