"""The plain script of the benchmarks: logistic regressions in a loop, logged to MLflow by hand."""

import hashlib
import json
import os
import sys
from pathlib import Path

os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_LOGGING_LEVEL"] = "WARNING"

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    accuracy_score,
    balanced_accuracy_score,
    classification_report,
    f1_score,
    log_loss,
)
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

path = Path(sys.argv[1])
count = int(sys.argv[2]) if len(sys.argv) > 2 else 1
table = pd.read_csv(path)
X, y = table.drop(columns=["filename", "length", "label"]).astype(float), table["label"]
train, test = train_test_split(np.arange(len(table)), test_size=0.3, random_state=42)
genres = sorted(set(y))

mlflow.set_tracking_uri(f"sqlite:///{Path.cwd()}/plain.db")
if mlflow.get_experiment_by_name("plain") is None:
    mlflow.create_experiment("plain", artifact_location=(Path.cwd() / "plain").as_uri())
mlflow.set_experiment("plain")

for C in range(1, count + 1):
    with mlflow.start_run() as run:
        options = {
            "C": float(C),
            "max_iter": 1000,
            "solver": "lbfgs",
            "tol": 1e-4,
            "random_state": 0,
        }
        mlflow.log_params({**options, "test_size": 0.3, "split_seed": 42, "table": str(path)})
        mlflow.set_tags({"view": "features", "model": "logreg", "sklearn": sklearn.__version__})
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        source = mlflow.data.from_numpy(X.to_numpy(), name=path.name, digest=digest)
        mlflow.log_input(source, context="training")
        model = make_pipeline(StandardScaler(), LogisticRegression(**options))
        model.fit(X.iloc[train], y.iloc[train])

        metrics, parts = {}, []
        for part, rows in (("train", train), ("test", test)):
            probabilities = model.predict_proba(X.iloc[rows])
            predicted = np.array(genres)[probabilities.argmax(axis=1)]
            true = y.iloc[rows]
            f1 = f1_score(true, predicted, labels=genres, average=None)
            metrics[f"{part}/accuracy"] = accuracy_score(true, predicted)
            metrics[f"{part}/macro_f1"] = f1.mean()
            metrics[f"{part}/balanced_accuracy"] = balanced_accuracy_score(true, predicted)
            metrics[f"{part}/log_loss"] = log_loss(true, probabilities, labels=genres)
            metrics |= {
                f"{part}/f1/{genre}": value for genre, value in zip(genres, f1, strict=True)
            }
            frame = pd.DataFrame(probabilities, columns=genres)
            parts.append(
                frame.assign(
                    id=table["filename"].iloc[rows].to_numpy(),
                    part=part,
                    true=true.to_numpy(),
                    predicted=predicted,
                )
            )
        mlflow.log_metrics(metrics)

        record = Path.cwd() / "plain_record"
        record.mkdir(exist_ok=True)
        pd.concat(parts).to_parquet(record / "predictions.parquet")
        report = classification_report(true, predicted, output_dict=True)
        (record / "report.json").write_text(json.dumps(report))
        (record / "report.txt").write_text(classification_report(true, predicted))
        ConfusionMatrixDisplay.from_predictions(true, predicted, xticks_rotation=45)
        plt.savefig(record / "confusion_matrix.png")
        plt.close()
        mlflow.log_artifacts(str(record))
        versions = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
        mlflow.sklearn.log_model(
            model,
            name="model",
            serialization_format="skops",
            skops_trusted_types=["numpy.dtype"],
            signature=mlflow.models.infer_signature(X.head(1), np.array(["blues"], dtype=object)),
            input_example=X.head(1),
            pip_requirements=[
                f"{name}=={__import__('importlib.metadata').metadata.version(name)}"
                for name in versions
            ],
        )
    print(run.info.run_id, metrics["test/accuracy"])
