"""MLflow's pages as a new user meets them: the runs by accuracy, a run, the models."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from time import sleep
from urllib.request import urlopen

import pytest

from gtzan_exp.cli import main
from tests.browser import browser
from tests.run.test_runner import run
from tests.servers import ALONE, free_port

TEXT = "document.body.innerText.replaceAll('\\u00a0', ' ')"


@pytest.mark.slow
def test_the_pages_show_runs_by_accuracy_without_folds_and_reports(
    workspace, capsys, chromium, tmp_path
):
    folded, _ = run(capsys, "experiment=smoke", "split=kfold", "split.k=2")
    single, _ = run(capsys, "experiment=smoke", "model=knn", "tracking.registry=genres")
    assert main(["compare"]) == 0
    log = tmp_path / "ui.txt"
    command = [sys.executable, "-m", "gtzan_exp", "ui", "--port", str(free_port())]
    with log.open("w") as out:
        env = {**os.environ, **ALONE}
        process = subprocess.Popen(command, stdout=out, stderr=out, env=env)
    try:
        for _ in range(240):
            assert process.poll() is None, log.read_text()
            sleep(0.5)
            found = re.search(r"(http://\S+/)(#\S+)", log.read_text())
            with suppress(OSError):
                if found and urlopen(found[1], timeout=2):
                    break
        with browser(chromium, tmp_path / "profile") as tab:
            tab.open(found[0], width=1600)
            names = ["features-logreg-kfold-seed0", "features-knn-holdout-seed0"]
            texts = {*names, "test/macro_f1", "interval", "2 matching runs"}
            assert tab.wait(TEXT, lambda text: all(word in (text or "") for word in texts), 90)
            shown = tab.evaluate(TEXT)
            scores = [result["metrics"]["test/accuracy"] for result in (folded, single)]
            best_first = sorted(zip(scores, names, strict=True), reverse=True)
            assert sorted(names, key=shown.index) == [name for _, name in best_first]

            def show(rest: str, *texts: str) -> None:
                place = f"{found[2].partition('/runs')[0]}/{rest}?workflowType=machine_learning"
                tab.evaluate(f"location.hash = '{place}'")
                for text in texts:
                    assert tab.wait(TEXT, lambda shown, text=text: text in shown, 60), text

            show(f"runs/{folded['run_id']}", "fold 1 of 2", "fold 2 of 2", "(95 % interval")
            show("models", "\nknn-features-holdout\n")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
