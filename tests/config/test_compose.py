"""Configuration: every mistake is found before any data is read, all of them at once."""

from __future__ import annotations

import importlib.util
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

from gtzan_exp.basics.errors import ConfigError, GtzanExpError
from gtzan_exp.config.cell import resolve, resolve_tracking
from gtzan_exp.config.compose import composed, run_once
from gtzan_exp.config.files import choices, conf_folder
from gtzan_exp.config.hydra_session import Session
from gtzan_exp.config.sweep_plan import check_sweep
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.spectrograms import SpectrogramsView
from tests.pairs import pairs

HEAVY = {"tensorflow", "keras", "mlflow", "librosa", "cv2", "matplotlib", "xgboost"}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """An empty working directory. Nothing here may read data, and GTZAN is not there."""

    def load(self, location, *, cache):
        raise AssertionError("data was read")

    monkeypatch.setattr(FeaturesView, "load", load)
    monkeypatch.setattr(SpectrogramsView, "load", load)
    monkeypatch.delenv("GTZAN_ROOT", raising=False)
    monkeypatch.setenv("GTZAN_EXP_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mistakes(*overrides: str, sweep: bool = False) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        check_sweep(overrides) if sweep else composed(overrides, resolve)
    return [str(mistake) for mistake in caught.value.mistakes]


WORKING = "; ".join(
    f"view={view} with {'|'.join(model for _, model in group)}"
    for view, group in itertools.groupby(pairs(), lambda pair: pair[0])
)
ONE = {
    "view=features,model=cnn2d": "view=features model=cnn2d: the model takes image, the view gives "
    f"vector or sequence; allowed: {WORKING}; got: view=features with model=cnn2d",
    "view=spectrograms,model=cnn1d": "view=spectrograms model=cnn1d: the model takes sequence",
    "model=lgreg": "model: unknown option (nearest: logreg); allowed: "
    + ", ".join(choices("model")),
    "experiment=notebook/images_cnn2": "experiment: unknown option (nearest: notebook/images_cnn2d",
    "split=seed": "split: unknown option; allowed: fault_filtered, group_holdout, group_kfold",
    "view=null": f"view: unknown option; allowed: {', '.join(choices('view'))}, fused/",
    "~split,name=x": "split: not set; allowed: split=NAME",
    "sed=1": "sed: unknown option (nearest: seed); allowed: seed, name, tags",
    "view.segment_second=3": "view.segment_second: unknown option of view=features (nearest: "
    "view.segment_seconds)",
    "+view.hight=3": "view.hight: unknown option",
    "model.c=3": "model.c: unknown option of LogisticRegression (nearest: C); allowed: ",
    "+model.sovler=saga": "model.sovler: unknown option of LogisticRegression (nearest: solver)",
    "model.sovler=saga": "model.sovler: unknown option of LogisticRegression (nearest: solver); "
    "allowed: name, input, scaler, pca, pictures, trusted_types, penalty, C,",
    "model.l1_ratio=2": "model.l1_ratio: not valid for LogisticRegression; allowed: a float in",
    "+model.C=1": "model.C: is there already; allowed: model.C=VALUE; got: +model.C=1",
    "tags.note=x": "tags.note: is not there yet; allowed: +tags.note=VALUE; got: tags.note=x",
    "+tags.process=7": "tags.process: is set by the run itself; allowed: a name of your own",
    "seed=1.5": "seed: not a valid value; allowed: a valid integer; got: 1.5",
    "seed=-1": "seed: not a valid value; allowed: greater than or equal to 0; got: -1",
    "seed=4294967296": "seed: not a valid value",
    "seed=true": "seed: not a valid value",
    "seed=1,2": "seed: is a sweep; allowed: one value, or --multirun (-m)",
    "+sweep=smoke": "sweep: is a sweep; allowed: one value, or --multirun (-m)",
    "seed=${sed}": "seed: cannot be resolved",
    "paths.runs=null": "paths.runs: not a valid value; allowed: a valid string; got: None",
    "paths.runs=''": "paths.runs: not a valid value; allowed: at least 1 character; got: ''",
    "trainer.epochs=x": "trainer.epochs: not a valid value; allowed: a valid integer; got: 'x'",
    "split.test_size=1": "split.test_size: not a valid value; allowed: less than 1; got: 1",
    "split=notebook,split.random_state=-1": "split.random_state: not a valid value",
    "split=kfold,split.seed=-1": "split.seed: not a valid value; allowed: greater than or equal to",
    "split=group_kfold,split.seed=4294967296": "split.seed: not a valid value",
    "view.columns=[]": "view.columns: not a valid value",
    "view.columns=[tempo\\,label]": "view.columns: not a valid value; allowed: numeric columns",
    "view=spectrograms,view.on_error=ignore": "view.on_error: not a valid value; allowed: 'raise' "
    "or 'skip'; got: 'ignore'",
    "view.gives=[image\\,vector]": "view.gives: not a valid value; allowed: 'vector'; got: 'image'",
    "+data.synthetic=false": "data.synthetic: not a valid value; allowed: True; got: False",
    "model.C=abc": "model.C: not valid for LogisticRegression; allowed: a float in the range "
    "(0.0, inf]; got: 'abc'",
    "model.solver=adam": "model.solver: not valid for LogisticRegression; allowed: a str among",
    "model=cnn1d,model.filters=0": "model.filters: not valid for CNN1D",
    "model=xgboost,model.subsample=2": "model.subsample: not valid for XGBoost",
    "model.scaler=robust": "model.scaler: not a valid value; allowed: 'standard' or 'minmax'",
    "view.columns=3": "view.columns: not a valid value; allowed: a valid tuple or 'all'; got: 3",
    "model._target_=sklearn.svm.SVX": "model._target_: cannot be imported",
    "model._target_=no.such.Model": "model._target_: cannot be imported",
    "model._target_=sklearn.svm": "model._target_: does not fit; allowed: a class with 'fit'",
    "view._target_=pathlib.Path": "view._target_: does not fit; allowed: a class with 'load'",
    "tracking=server": "tracking.uri: not a valid value; allowed: a URI (or MLFLOW_TRACKING_URI)",
    "data=gtzan": "data.root: not set; allowed: a folder in GTZAN's layout (data.root=... or, for "
    "data=gtzan, GTZAN_ROOT); got: nothing",
    "data=gtzan,data.root=''": "data.root: not set",
    "data=folder,data.root=gone": "data.root: does not exist",
    "data=folder,data.root=file": "data.root: is not a folder",
    "data=folder,data.root=empty": "data.root: is empty",
    "data=folder,data.root=..,data.splits=typo": "data.splits: is not a folder; allowed: a "
    "folder with published lists or artist_groups_merged.csv, or null; got: /",
    "data.root=/my/für": "command line: not an override; allowed: key=value, +key=value, ~key; "
    "other characters quoted: 'key=\"value\"'; got: data.root=/my/für",
    "=1": "command line: not an override",
    "+view=features": "config: view appears more than once",
}


NEVER_SWEPT = {
    "+sweep=smoke,protocols": "sweep: is swept; allowed: one for all jobs",
    "hydra/launcher=joblib,basic": "hydra/launcher: is swept; allowed: one for all jobs",
    "hydra.sweep.dir=a,b": "hydra.sweep.dir: is swept",
    "hydra.sweeper.max_batch_size=0": "hydra.sweeper.max_batch_size: out of range",
    "hydra.sweeper.max_batch_size=-2": "hydra.sweeper.max_batch_size: out of range",
    "tracking.uri='sqlite:////a.db','sqlite:////b.db'": "tracking.uri: is swept; allowed: one",
}


@pytest.mark.parametrize("override", NEVER_SWEPT)
def test_what_all_jobs_have_in_common_is_not_swept(here, override):
    with pytest.raises(ConfigError) as caught:
        check_sweep([override])
    (mistake,) = caught.value.mistakes
    assert str(mistake).startswith(NEVER_SWEPT[override])


@pytest.mark.parametrize("overrides", ONE)
def test_a_mistake_is_one_line_that_says_where_what_allowed_got(here, overrides):
    (here / "file").touch()
    (here / "empty").mkdir()
    separated = overrides.replace("\\,", "\0").split(",")
    if overrides == "seed=1,2":
        separated = [overrides]
    (found,) = mistakes(*(text.replace("\0", ",") for text in separated))
    assert found.startswith(ONE[overrides])
    assert all(part in found for part in ("; allowed: ", "; got: "))


def test_all_mistakes_are_said_at_once():
    found = mistakes(
        *("data=gtzan", "data.root=/no/such/folder", "view=spectograms", "model.C=-1"),
        *("model.sovler=saga", "trainer.epochs=0", "traner=smoke", "seed=x", "split.val_size=2"),
        *("tracking=server", "name=3", "+view.hight=1"),
    )
    assert [line.partition(":")[0] for line in found] == [
        *("view", "traner", "seed", "name", "view.hight", "split.val_size", "trainer.epochs"),
        *("tracking.uri", "data.root", "model.sovler", "model.C"),
    ]
    assert "(nearest: spectrograms)" in found[0]
    assert "(nearest: trainer)" in found[1]


def test_all_jobs_of_a_sweep_are_checked():
    found = mistakes("seed=0,-1", "model=logreg,svx", "split.test_size=0.1,1.5", sweep=True)
    assert [line.partition(";")[0] for line in found] == [
        "split.test_size: not a valid value",
        "model: unknown option (nearest: svc)",
        "seed: not a valid value",
    ]
    assert mistakes("model=glob(zz*)", sweep=True)[0].startswith("command line: describes no job")
    (found,) = mistakes("model.C=interval(1,2)", "seed=range(0,2)", sweep=True)
    assert found.startswith("model.C: is an interval; allowed: values, or hydra/sweeper=search")


def test_a_fixed_option_of_a_sweep_is_checked_against_the_choices_of_each_job():
    check_sweep(["split=kfold,group_kfold", "split.k=4"])
    check_sweep(["experiment=protocol/random,protocol/artists", "split.k=4"])
    (found,) = mistakes("split=kfold,holdout,group_kfold", "split.k=4", sweep=True)
    assert found.startswith("split.k: unknown option of split=holdout (nearest: ")
    (found,) = mistakes("model=svc,random_forest", "model.C=3", sweep=True)
    assert found.startswith("model.C: unknown option of RandomForestClassifier; allowed: ")


@pytest.mark.parametrize(
    ("choice", "module", "extra"),
    [
        ("model=cnn1d", "tensorflow", "networks"),
        ("hydra/launcher=joblib", "hydra_plugins.hydra_joblib_launcher", "sweep"),
        ("hydra/launcher=submitit_local", "submitit", "slurm"),
        ("hydra/launcher=submitit_slurm", "submitit", "slurm"),
        ("hydra/launcher=ray", "ray", "ray"),
    ],
)
def test_a_missing_extra_is_named(here, monkeypatch, choice, module, extra):
    find_spec = importlib.util.find_spec

    def without(name, *rest):
        return None if name == module else find_spec(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    (line,) = mistakes(choice, "seed=0,1", sweep=True)
    assert line.startswith(f"{choice}: needs ")
    assert f"which is not installed; allowed: pip install 'gtzan-exp[{extra}]'" in line


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["experiment", "sweep"])
def test_every_named_experiment_and_sweep_resolves(kind, here):
    """Of a sweep of all models, two of them."""
    (here / "features_30_sec.csv").touch()
    place = f"data.root={json.dumps(str(here))}"
    root = conf_folder() / kind
    names = [str(path.relative_to(root).with_suffix("")) for path in root.rglob("*.yaml")]
    assert names
    for name in names:
        data = [] if "smoke" in name else ["data=gtzan", place]
        if kind == "sweep":
            of_all = "model: glob(*)" in (root / f"{name}.yaml").read_text()
            few = ["model=logreg,cnn1d"] if of_all else []
            check_sweep([f"+sweep={name}", *data, *few])
        else:
            cell = composed([f"experiment={name}", *data], resolve)
            assert cell.data.synthetic == ("smoke" in name)


@pytest.mark.parametrize(
    ("jobs", "overrides"),
    [
        (2, ["split=notebook", "model=logreg,mlp", "model.random_state=0"]),
        (4, ["split=notebook", "model=logreg,mlp"]),
        (4, ["split=holdout", "model=logreg,mlp", "model.random_state=0"]),
        (2, ["split=notebook", "model=logreg,cnn2d", "model.random_state=0,1"]),
    ],
)
def test_a_seed_that_nothing_refers_to_makes_no_other_job(jobs, overrides):
    plan = check_sweep(["hydra/sweeper=pairs", "seed=range(2)", *overrides])
    assert plan.n_jobs == jobs


MISFITS = {
    str(OmegaConf.load(conf_folder() / "model" / f"{model}.yaml").input): (view, model)
    for view, model in sorted({*itertools.product(choices("view"), choices("model"))} - {*pairs()})
}
"""By input, a model that takes it, and a view that does not give it."""


@pytest.mark.parametrize(("view", "model"), MISFITS.values())
def test_a_model_that_does_not_take_what_the_view_gives_is_refused_with_it(view, model):
    (line,) = mistakes(f"view={view}", f"model={model}")
    assert line.startswith(f"view={view} model={model}: the model takes ")


@pytest.mark.slow
@pytest.mark.parametrize(("view", "model"), pairs())
def test_every_other_pair_resolves(view, model):
    cell = composed([f"view={view}", f"model={model}"], resolve)
    assert (cell.view.name, cell.model.name) == (view, model)


def test_an_option_that_its_file_does_not_list_is_taken_if_the_classifier_has_it(here):
    found = composed(["model=logreg", "model.l1_ratio=0.5", "+model.warm_start=true"], resolve)
    assert (found.classifier.l1_ratio, found.classifier.warm_start) == (0.5, True)
    plan = check_sweep(["model=svc,logreg", "model.verbose=0,1"])
    assert (plan.n_jobs, plan.first.classifier.verbose) == (4, 0)
    both = ["model=logreg,svc", "model.l1_ratio=0.5"]
    assert "model.l1_ratio: unknown option of SVC" in mistakes(*both, sweep=True)[0]


def test_a_run_is_composed_once_and_called_as_hydra_calls_it(here, monkeypatch):
    composed_configs, calls = [], []
    compose = Session.compose

    def counted(*arguments, **options):
        composed_configs.append(compose(*arguments, **options))
        return composed_configs[-1]

    def task(config):
        calls.append((dict(config.tags), HydraConfig.get().mode, Path.cwd().name))

    monkeypatch.setattr(Session, "compose", counted)
    run_once(["+tags.note=x", "hydra.run.dir=out", "hydra.job.chdir=true"], task)
    assert calls == [({"note": "x"}, RunMode.RUN, "out")]
    assert len(composed_configs) == 1
    kept = OmegaConf.load(here / "out" / ".hydra" / "overrides.yaml")
    assert kept == ["+tags.note=x"]
    for wrong, where in (("hydra.mode=MULTIRUN", "hydra.mode"), ("hydra.run.dir=${x}", "config")):
        with pytest.raises(ConfigError) as caught:
            run_once([wrong], task)
        assert [mistake.where for mistake in caught.value.mistakes] == [where]
    assert len(calls) == 1


def test_a_model_of_ones_own_is_one_file_in_ones_own_folder(here):
    (here / "model").mkdir()
    text = "name: mine\ninput: vector\n_target_: sklearn.naive_bayes.GaussianNB\n"
    (here / "model" / "mine.yaml").write_text(text)
    cell = composed(["model=mine"], resolve, config_dir=str(here))
    assert type(cell.classifier).__name__ == "GaussianNB"
    with pytest.raises(ConfigError, match="--config-dir: is not there"):
        composed([], resolve, config_dir=str(here / "gone"))


NOT_PARTS = [
    "+model.base={_target_:subprocess.Popen,args:[touch,pwned]}",
    "+model.base=[[a,{_target_:subprocess.Popen,args:[touch,pwned]}]]",
    "+model.base={_target_:sklearn.linear_model.LogisticRegression,C:{_target_:os.system}}",
    "+data.labels.a={_target_:subprocess.Popen,args:[touch,pwned]}",
    "+trainer.patience={_target_:subprocess.Popen,args:[touch,pwned]}",
]


@pytest.mark.parametrize("override", NOT_PARTS)
def test_only_estimators_trainers_and_our_own_types_are_made_of_arguments(here, override):
    lines = [line for line in mistakes(override) if "._target_: " in line]
    assert [line.partition("_target_: ")[2].partition(";")[0] for line in lines] == ["does not fit"]
    assert not (here / "pwned").exists()


def test_estimators_among_arguments_are_made_in_lists_too(here):
    (here / "model").mkdir()
    text = """
        {name: my_vote, input: vector, _target_: sklearn.ensemble.VotingClassifier, estimators: [
            [a, {_target_: sklearn.svm.SVC, C: 3}],
            [b, {_target_: sklearn.naive_bayes.GaussianNB}]]}
    """
    (here / "model" / "my_vote.yaml").write_text(text)
    found = composed(["model=my_vote"], resolve, config_dir=str(here)).classifier
    assert {name: type(part).__name__ for name, part in found.estimators} == {
        "a": "SVC",
        "b": "GaussianNB",
    }
    assert found.get_params()["a__C"] == 3


@pytest.mark.parametrize("config_dir", [None, "project/conf"])
def test_a_class_of_ones_own_lies_here_or_beside_the_configs(here, monkeypatch, config_dir):
    place = here / "project" if config_dir else here
    (here / "project" / "conf").mkdir(parents=True)
    name = f"mine_{'beside' if config_dir else 'here'}"
    own = "from sklearn.svm import SVC\nclass Own(SVC): pass\n"
    (place / f"{name}.py").write_text(own)
    (place / "sklearn.py").write_text("raise AssertionError('what is installed comes first')")
    (place / "broken.py").write_text("class (\n")
    monkeypatch.setattr(sys, "path", sys.path.copy())
    before = sys.path.copy()
    composed(["model=svc"], resolve, config_dir=config_dir)
    assert sys.path == before
    cell = composed(["model=svc", f"model._target_={name}.Own"], resolve, config_dir=config_dir)
    assert type(cell.classifier).__name__ == "Own"
    assert sys.path[: len(before)] == before
    assert set(sys.path) - set(before) == {str(here), str(place)}
    (line,) = mistakes("model._target_=broken.Own") if config_dir is None else ("SyntaxError",)
    assert "SyntaxError" in line


def test_a_root_with_spaces_and_letters_beyond_ascii(here, monkeypatch):
    root = here / "Müsik  (a=b), und mehr"
    root.mkdir()
    (root / "file").touch()
    monkeypatch.setenv("GTZAN_ROOT", str(root))
    assert composed(["data=gtzan"], resolve).data.folder() == root
    cell = composed(["data=folder", f'data.root="{root.name}"'], resolve)
    assert cell.data.folder() == root
    monkeypatch.setenv("GTZAN_ROOT", "")
    assert mistakes("data=gtzan")[0].startswith("data.root: not set")


VIEWS = ["data=folder", "data.root=views", "view.columns=[a]"]
SGD = ["model._target_=sklearn.linear_model.SGDClassifier", "~model.C", "~model.solver"]
COMMANDS = [
    (["--help"], 0, HEAVY | {"hydra", "numpy", "pandas", "sklearn", "omegaconf"}),
    (["validate", "--help"], 0, HEAVY | {"hydra", "pandas", "sklearn"}),
    (["view=features", "model=cnn2d"], 2, HEAVY),
    (["data=folder", "data.root=nowhere", "model=svc", "model.C=x"], 2, HEAVY),
    (["-m", "model=logreg,cnn1d", "seed=x"], 2, HEAVY),
    (["compare", "foo=1"], 2, HEAVY),
    (["validate", *VIEWS], 0, HEAVY),
    (["check", "said.csv"], 0, HEAVY),
    (["validate", *VIEWS, *SGD], 0, HEAVY),
    ([*VIEWS, "model=svc"], 0, HEAVY - {"mlflow", "cv2", "matplotlib"}),
]
"""Commands, their exit status, and what none up to there may import."""


@pytest.mark.slow
def test_nothing_heavy_is_imported_before_it_is_needed(here):
    (here / "views").mkdir()
    rows = [f"{genre}.{i:05}.wav,{i},{genre}" for genre in ("a", "b") for i in range(5)]
    (here / "views/features_30_sec.csv").write_text("\n".join(["filename,a,label", *rows]))
    (here / "said.csv").write_text("track,true,predicted\nx,a,a\ny,b,a\n")
    code = (
        "import sys\n"
        "from gtzan_exp.cli import main\n"
        f"for command in {[command for command, *_ in COMMANDS]!r}:\n"
        "    status, loaded = main(command), (name for name in sys.modules if '.' not in name)\n"
        "    print('imported', status, *loaded, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("imported ")]
    for line, (command, exit_status, never) in zip(lines, COMMANDS, strict=True):
        _, status, *modules = line.split()
        assert (int(status), never & set(modules)) == (exit_status, set()), command


def test_errors_survive_a_trip_to_another_process():
    import pickle

    from gtzan_exp.basics.errors import MissingExtraError, Mistake

    for error in (ConfigError(Mistake("a", "b", "c", "d")), MissingExtraError("a", "b", "c")):
        again = pickle.loads(pickle.dumps(error))
        assert isinstance(again, GtzanExpError)
        assert (type(again), str(again)) == (type(error), str(error))
    assert Path(conf_folder(), "config.yaml").is_file()


def test_the_environment_names_store_and_experiment_as_for_mlflow(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/own.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    own = composed([], resolve_tracking)
    assert (own.uri, own.experiment) == (f"sqlite:///{tmp_path}/own.db", "mine")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    server = composed(["tracking=server", "tracking.experiment=x"], resolve_tracking)
    assert (server.uri, server.experiment) == ("http://127.0.0.1:5000", "x")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert composed([], resolve_tracking).uri.endswith("/mlruns/mlflow.db")
    with pytest.raises(ConfigError, match=r"tracking\.uri"):
        composed(["tracking=server"], resolve_tracking)
