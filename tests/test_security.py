"""What may not be in the sources: ways in which a file that someone made could run code, or reach a shell."""

import ast

import pytest

from dropatlas.closure import SOURCE

MODULES = sorted(SOURCE.rglob("*.py"))
LOADERS_OF_CODE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
RUN_TEXT = {"eval", "exec", "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
NETWORK = {"requests", "urllib.request", "http.client", "socket", "ftplib", "httpx", "aiohttp"}


def calls(tree):
    """Dotted name and keyword arguments of every call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def faults(source):
    """What of a module's source is not allowed."""
    tree = ast.parse(source)
    found = [f"imports {name}" for name in imports(tree) if name.split(".")[0] in LOADERS_OF_CODE]
    for name, words in calls(tree):
        if name in RUN_TEXT or words.get("shell") == "True":
            found.append(f"{name} runs a text")
        if name == "torch.load" and words.get("weights_only") != "True":
            found.append("torch.load without weights_only=True")
        if name in ("pd.read_pickle", "pandas.read_pickle") or words.get("allow_pickle") == "True":
            found.append(f"{name} reads pickles")
        if name in ("yaml.load", "yaml.unsafe_load", "yaml.full_load"):
            found.append(f"{name} makes objects")
        if name.split(".")[-1] == "extractall" or (name.endswith(".extract") and words.get("filter") != "'data'"):
            found.append(f"{name} unpacks unchecked")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "pd.read_pickle(path)",
        "yaml.load(text)",
        "subprocess.run(command, shell=True)",
        "os.system(command)",
        "eval(text)",
        "tar.extractall(folder)",
        "tar.extract(member, folder)",
    ],
)
def test_unsafe_code_is_recognised(source):
    assert faults(source)


def test_no_module_runs_what_a_file_says():
    assert len(MODULES) > 90
    found = {str(path.relative_to(SOURCE)): faults(path.read_text(encoding="utf-8")) for path in MODULES}
    assert {name: what for name, what in found.items() if what} == {}


def test_only_the_downloader_speaks_to_the_network():
    speaking = {
        str(path.relative_to(SOURCE))
        for path in MODULES
        if NETWORK & set(imports(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert speaking == {"data/downloads.py"}
