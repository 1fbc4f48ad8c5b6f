"""The house rules that can be read off the source: who imports whom, and what nobody does."""

import ast
import difflib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT_FOLDERS = ("training_scripts", "val_scripts", "data_scripts")
OURS = ("har", *SCRIPT_FOLDERS, "tests")
# Installed packages bear these names.
TAKEN_NAMES = ("datasets", "evaluate", "models", "data", "utils")

# What a part of the library may import of ours, itself aside. The longest matching name decides.
ALLOWED = {
    "har": (),
    "har.labels": (),
    "har.layers": (),
    "har.signal": (),
    "har.weights": (),
    # How files are written, for whoever writes any.
    "har.files": (),
    "har.run": ("har.files",),
    # Files of apps and devices enter by the same door as every other signal.
    "har.readers": ("har.signal",),
    "har.recordings": ("har.files", "har.signal", "har.labels"),
    "har.windows": ("har.recordings", "har.signal", "har.labels"),
    "har.text": ("har.files", "har.layers", "har.labels"),
    # The network's input is a batch of windows, on a grid that training and `embed` make by the same resampling.
    "har.network": ("har.layers", "har.signal", "har.windows.batch", "har.windows.resample"),
    "har.network.alignment": ("har.network", "har.signal", "har.windows", "har.text"),
    # What a run saved or a release holds, as a model and a label bank.
    "har.network.loading": ("har.network", "har.run", "har.text", "har.files", "har.weights"),
    "har.network.release": ("har.network", "har.run", "har.text", "har.weights"),
    # Stage 1's own network, and how its result is taken over.
    "har.network.reconstruction": ("har.network", "har.layers", "har.signal", "har.windows.batch", "har.run"),
    "har.evaluation": ("har.files", "har.labels"),
    "har.plots": ("har.files", "har.run.log", "har.labels"),
    "har.training": (
        "har.recordings", "har.windows", "har.labels", "har.signal", "har.text", "har.network", "har.evaluation",
        "har.plots", "har.run",
    ),
    # Puts models, recordings and scores together; of the library, only what measures its speed may know it.
    "har.protocol": (
        "har.recordings", "har.windows", "har.labels", "har.signal", "har.layers", "har.text", "har.network",
        "har.evaluation", "har.plots", "har.run", "har.files",
    ),
    # A recording and names in, a timeline out.
    "har.recognition": (
        "har.readers", "har.signal", "har.windows", "har.labels", "har.text", "har.network", "har.evaluation",
        "har.plots", "har.run",
    ),
    "har.export": ("har.network", "har.text", "har.windows", "har.signal", "har.run"),
    # A page that a phone opens, and its server.
    "har.live": (
        "har.recognition", "har.readers", "har.signal", "har.labels", "har.text", "har.network", "har.run", "har.files",
        "har.export",
    ),
    # Measure the whole library; nothing in it may depend on that.
    "har.benchmark": ("har",),
    "har.endurance": ("har",),
}  # fmt: skip
# Packages that take long to import, and that a training script needs at its end if at all.
SLOW_TO_IMPORT = ("sklearn", "matplotlib", "transformers", "sentence_transformers", "pandas", "scipy", "joblib")
TRAINING_SCRIPTS = ("semantic_alignment_train", "pretrain")
TORCH_ALONE = ("losses", "semantic_loss", "memory_bank")


def module_name(relative: Path) -> str:
    parts = relative.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def imported_names(tree: ast.AST, relative: Path) -> Iterator[tuple[int, list[str]]]:
    """Line and candidate dotted names of every import; ``from a import b`` may mean the module ``a`` or ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, [alias.name]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # One dot is the folder that the file lies in, for __init__.py as well.
            folder = relative.parent.parts[: len(relative.parent.parts) - node.level + 1] if node.level else ()
            base = ".".join([*folder, *([node.module] if node.module else [])])
            yield from ((node.lineno, [base, f"{base}.{alias.name}"]) for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__", "run_module") and isinstance(node.args[0].value, str):
                yield node.lineno, [node.args[0].value]


def has_main(tree: ast.Module) -> bool:
    return any(
        (isinstance(node, ast.FunctionDef) and node.name == "main")
        or (isinstance(node, ast.If) and "__name__" in {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)})
        for node in tree.body
    )


def import_violation(relative: Path, candidates: list[str], scripts: set[str]) -> str | None:
    """Why ``relative`` must not import what ``candidates`` name, or None."""
    module, target = module_name(relative), candidates[-1]
    top = target.partition(".")[0]
    for candidate in candidates:
        if candidate in scripts:
            return f"{candidate} has a main(); only the command line runs it"
    if relative.parts[0] in SCRIPT_FOLDERS:
        if top not in OURS and (ROOT / relative.parent / f"{top}.py").is_file():
            return f"{top} lies beside it; import it by its full name"
        if relative.stem in TORCH_ALONE and top not in ("torch", *sys.stdlib_module_names):
            return f"{target} is neither torch nor the standard library"
    if relative.parts[0] == "har" and top in OURS:
        if top != "har":
            return f"the library does not import {top}"
        part = max((name for name in ALLOWED if within(module, name)), key=len)
        # "har.network" and all in it are one part; har/network/alignment.py names its own part again.
        own = part if part.count(".") == 1 else part.rpartition(".")[0]
        allowed = (*ALLOWED[part], *((own,) if part != "har" else ()))
        if not any(within(candidate, name) for candidate in candidates for name in allowed):
            return f"{part} may import {', '.join(ALLOWED[part]) or 'nothing of ours'}, not {target}"
    return None


def violations(relative: Path, source: str, scripts: set[str] = frozenset()) -> list[str]:
    """Everything in one file that breaks a rule. ``scripts`` are the module names of the files with a main()."""
    tree = ast.parse(source)
    found = []
    for line, candidates in imported_names(tree, relative):
        reason = import_violation(relative, candidates, scripts - {module_name(relative)})
        if reason:
            found.append(f"{relative}:{line}: {reason}")
    for node in ast.walk(tree):
        line = f"{relative}:{getattr(node, 'lineno', 0)}"
        if relative.parts[0] != "tests" and touches_search_path(node):
            found.append(f"{line}: touches sys.path; 'pip install -e .' makes everything importable")
        if relative.parts[0] == "har" and prints(node):
            found.append(f"{line}: the library prints; return the text or use warnings.warn")
    return found


def touches_search_path(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "addsitedir" or (node.attr == "path" and getattr(node.value, "id", "") == "sys")
    return isinstance(node, ast.ImportFrom) and (
        (node.module == "sys" and any(alias.name == "path" for alias in node.names))
        or (node.module == "site" and any(alias.name == "addsitedir" for alias in node.names))
    )


def prints(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr"):
        return getattr(node.value, "id", "") == "sys"
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("print", "pprint")


def source_files() -> list[Path]:
    """Every Python file of the repository, relative to its root; environments and outputs are not part of it."""
    tops = [path for path in ROOT.iterdir() if not path.name.startswith(".")]
    folders = [path for path in tops if path.is_dir() and path.name not in ("data", "training_output", "build", "dist")]
    files = [path for path in tops if path.suffix == ".py"]
    files += [path for folder in folders for path in folder.rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in files)


def test_every_file_keeps_the_import_directions():
    sources = {path: (ROOT / path).read_text(encoding="utf-8") for path in source_files()}
    scripts = {
        module_name(path)
        for path, source in sources.items()
        if path.parts[0] != "tests" and has_main(ast.parse(source))
    }
    found = [line for path, source in sources.items() for line in violations(path, source, scripts)]
    assert Path("har/run/constants.py") in sources
    assert found == []


def test_no_top_level_package_takes_an_installed_ones_name():
    taken = [name for name in TAKEN_NAMES if (ROOT / f"{name}.py").exists() or any((ROOT / name).glob("*.py"))]
    assert taken == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("har/labels/groups.py", "import har.run.folder"),
        ("har/run/log.py", "from har import labels"),
        ("har/recordings/format.py", "from har.windows import index"),
        ("har/recordings/convert/mex.py", "from ...text import encoder"),
        ("har/windows/index.py", "def f():\n    from har.network import patches"),
        ("har/text/label_bank.py", "from har.network import encoder"),
        ("har/text/label_bank.py", "from har.layers import blocks\nfrom har.network import config"),
        ("har/network/encoder.py", "from har.text.encoder import encode"),
        ("har/network/encoder.py", "from har.windows import index"),
        ("har/network/__init__.py", "from ..text import encoder"),
        ("har/evaluation/zero_shot.py", "from har.network.alignment import AlignmentModel"),
        ("har/plots/curves.py", "from har.run import folder"),
        ("har/plots/curves.py", "import importlib\nimportlib.import_module('har.network')"),
        ("har/evaluation/few_shot.py", "from har.protocol.scoring import choose_windows"),
        ("har/network/loading.py", "from har.protocol import request"),
        ("har/protocol/zero_shot.py", "from val_scripts.human_activity_recognition import model_loading"),
        ("har/protocol/run.py", "from har.benchmark import training"),
        ("har/protocol/report.py", "print('finished')"),
        ("har/run/seed.py", "from training_scripts.human_activity_recognition import losses"),
        ("har/run/seed.py", "from tests import conftest"),
        ("har/network/encoder.py", "from har.training.loop import Loop"),
        ("har/training/loop.py", "from har.benchmark import training"),
        ("har/recognition/live.py", "from har.live import session"),
        ("har/live/session.py", "from har.windows import batch"),
        ("har/__init__.py", "from har.run import folder"),
        ("training_scripts/human_activity_recognition/losses.py", "import numpy as np"),
        ("training_scripts/human_activity_recognition/semantic_loss.py", "from har.labels import groups"),
        (
            "val_scripts/human_activity_recognition/predict.py",
            "from training_scripts.human_activity_recognition import t",
        ),
        ("tests/test_x.py", "import training_scripts.human_activity_recognition.t"),
        ("val_scripts/human_activity_recognition/predict.py", "import sys\nsys.path.insert(0, '..')"),
        ("har/run/seed.py", "from sys import path"),
        ("har/run/seed.py", "print('hello')"),
        ("har/run/seed.py", "import sys\nsys.stdout.write('hello')"),
    ],
)
def test_a_violation_is_found(path: str, source: str):
    assert len(violations(Path(path), source, {"training_scripts.human_activity_recognition.t"})) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("har/recordings/convert/mex.py", "from ..format import write\nfrom ...labels import groups"),
        ("har/windows/index.py", "from har.recordings.format import read\nimport har.labels.groups\nimport numpy"),
        ("har/text/label_bank.py", "from har.layers.blocks import Attention\nfrom . import encoder"),
        ("har/text/label_bank.py", "from har.layers import blocks"),
        ("har/network/alignment.py", "from har.text import label_bank\nfrom .encoder import Encoder"),
        ("har/network/patches.py", "from har.windows.resample import resample"),
        ("har/plots/curves.py", "from har.run.log import read_metrics"),
        ("har/training/loop.py", "from har.windows.index import WindowIndex\nfrom . import run"),
        ("har/network/loading.py", "from har.run.checkpoint import load_checkpoint\nfrom har.text import label_bank"),
        ("har/protocol/zero_shot.py", "from har.network.loading import load_model\nfrom .request import Console"),
        ("har/benchmark/inference.py", "from har.protocol import scoring"),
        ("har/live/session.py", "from har.recognition.adapter import Adapter\nfrom .flow import Outbox"),
        (
            "training_scripts/human_activity_recognition/memory_bank.py",
            "import math\nimport torch\nfrom torch import nn",
        ),
        ("training_scripts/human_activity_recognition/t.py", "from har.run import log\nprint('epoch 1')"),
        ("tests/test_x.py", "import sys\nsys.path.append('x')\nprint(sys.path)"),
        ("har/run/folder.py", "import os\nos.path.join('a', 'b')"),
    ],
)
def test_what_is_allowed_passes(path: str, source: str):
    assert violations(Path(path), source, {"training_scripts.human_activity_recognition.t"}) == []


def test_evaluation_scripts_are_doors():
    """They parse arguments and call one room: what they would do beyond that is in the library."""
    scripts = [path for path in source_files() if path.parts[0] == "val_scripts"]
    lines = {path.name: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in scripts}
    assert len(scripts) > 4 and {name: count for name, count in lines.items() if count > 150} == {}


def test_a_main_is_recognised():
    assert has_main(ast.parse("def main():\n    return 0"))
    assert has_main(ast.parse("if __name__ == '__main__':\n    run()"))
    assert not has_main(ast.parse("class A:\n    def main(self):\n        return 0"))


def lines_of(script: str) -> list[str]:
    path = ROOT / "training_scripts" / "human_activity_recognition" / f"{script}.py"
    return path.read_text(encoding="utf-8").splitlines()


def longest_shared_run(first: list[str], second: list[str]) -> list[str]:
    """The longest run of lines that both have, blank lines and indentation aside."""
    a, b = ([line.strip() for line in lines if line.strip()] for lines in (first, second))
    match = difflib.SequenceMatcher(None, a, b, autojunk=False).find_longest_match()
    return a[match.a : match.a + match.size]


def test_each_training_script_tells_only_its_own_story():
    scripts = [lines_of(script) for script in TRAINING_SCRIPTS]
    assert all(len(lines) < 450 for lines in scripts)
    shared = longest_shared_run(*scripts)
    assert len(shared) < 6, shared


def test_a_shared_run_is_found():
    first = ["a", "same", "", "  twice", "b"]
    assert longest_shared_run(first, ["c", "  same", "twice", "d"]) == ["same", "twice"]


def test_training_scripts_start_without_what_they_may_never_use():
    scripts = ", ".join(f"training_scripts.human_activity_recognition.{script}" for script in TRAINING_SCRIPTS)
    program = f"import sys, {scripts}\nprint(*sorted({set(SLOW_TO_IMPORT)!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []


def test_the_library_imports_from_any_folder(tmp_path):
    command = [sys.executable, "-c", "import har.run.constants as c; print(c.__file__)"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()) == ROOT / "har" / "run" / "constants.py"
