import subprocess
import sys

PROGRAM = """
import sys
sys.modules["torch"] = None
from signflip.errors import MissingExtraError
try:
    import signflip.training
except MissingExtraError as error:
    print(error)
"""


def test_without_torch_the_error_names_the_extra() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert "pip install 'signflip[train]'" in answer.stdout


def test_nothing_else_imports_torch() -> None:
    program = "import sys, signflip, signflip.zoo; print('torch' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "False\n"
