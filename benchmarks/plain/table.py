"""The plain script of the benchmark of sizes: the table in memory, a fit, probabilities, scores."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, classification_report, f1_score, log_loss
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

path, name, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
table = pd.read_csv(path)
X, y = table.drop(columns=["filename", "length", "label"]).astype(float), table["label"]
genres, codes = np.unique(y, return_inverse=True)
tracks = table["filename"].str.rsplit(".", n=2).str[0]
rest, test = next(GroupShuffleSplit(1, test_size=0.2, random_state=0).split(X, y, tracks))
draw = GroupShuffleSplit(1, test_size=0.125, random_state=0)
train, val = (rest[rows] for rows in next(draw.split(rest, y.iloc[rest], tracks.iloc[rest])))

if name == "logreg":
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=rounds, random_state=0))
else:
    from xgboost import XGBClassifier

    model = XGBClassifier(
        n_estimators=rounds, learning_rate=0.1, max_bin=64, colsample_bytree=0.2, tree_method="hist"
    )
model.fit(X.iloc[train], codes[train])

parts = []
for part, rows in (("train", train), ("val", val), ("test", test)):
    probabilities = model.predict_proba(X.iloc[rows])
    predicted = probabilities.argmax(axis=1)
    accuracy = accuracy_score(codes[rows], predicted)
    macro_f1 = f1_score(codes[rows], predicted, average="macro")
    print(part, accuracy, macro_f1, log_loss(codes[rows], probabilities, labels=range(len(genres))))
    frame = pd.DataFrame(probabilities, columns=genres)
    ids = table["filename"].iloc[rows].to_numpy()
    parts.append(frame.assign(id=ids, part=part, true=y.iloc[rows].to_numpy(), code=predicted))
pd.concat(parts).to_parquet("plain_predictions.parquet")
labels = {"labels": range(len(genres)), "target_names": genres, "zero_division": 0}
print(classification_report(codes[test], predicted, **labels))
